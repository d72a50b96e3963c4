import { util } from "@aws-appsync/utils";

export function request(ctx) {
  return { operation: "GetItem", key: util.dynamodb.toMapValues({ sku: ctx.args.sku }) };
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  return ctx.result;
}
