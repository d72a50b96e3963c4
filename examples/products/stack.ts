import { readFileSync } from "node:fs";
import path from "node:path";
import { CfnOutput, Duration, Expiration, RemovalPolicy, SecretValue, Stack, type StackProps } from "aws-cdk-lib";
import * as appsync from "aws-cdk-lib/aws-appsync";
import * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import type { Construct } from "constructs";
import { McpServer, type McpTool } from "switchyard";

/** Properties of {@link ProductsStack}. */
export interface ProductsStackProps extends StackProps {
  /** Stage of the Switchyard deployment to register with. */
  readonly stage: string;
}

const GET_PRODUCT = "query($sku: ID!) { product(sku: $sku) { sku name price stock } }";

/** A GraphQL server cannot be asked for its tools: each says by which document it is called. */
const TOOLS: readonly McpTool[] = [
  {
    name: "get_product",
    description: "Tells name, price in cents and stock of a product.",
    inputSchema: {
      type: "object",
      properties: { sku: { type: "string", description: "Number of the product." } },
      required: ["sku"],
    },
    annotations: { readOnlyHint: true },
    _meta: { "switchyard/graphql": { query: GET_PRODUCT } },
  },
  {
    name: "query_data",
    description: `Answers a GraphQL query. The schema: ${schema().replaceAll(/\s+/g, " ").trim()}`,
    inputSchema: {
      type: "object",
      properties: { query: { type: "string" }, variables: { type: "object" } },
      required: ["query"],
    },
    annotations: { readOnlyHint: true },
  },
];

function schema(): string {
  return readFileSync(path.join(__dirname, "schema.graphql"), "utf8");
}

/** A GraphQL API behind an API key: AppSync in front of a table, without code of its own. */
export class ProductsStack extends Stack {
  constructor(scope: Construct, id: string, props: ProductsStackProps) {
    super(scope, id, props);
    const table = new dynamodb.Table(this, "Table", {
      partitionKey: { name: "sku", type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const api = new appsync.GraphqlApi(this, "Api", {
      name: `${this.stackName}-api`,
      definition: appsync.Definition.fromFile(path.join(__dirname, "schema.graphql")),
      queryDepthLimit: 5,
      authorizationConfig: {
        defaultAuthorization: {
          authorizationType: appsync.AuthorizationType.API_KEY,
          // The longest that AppSync allows; each deployment makes it a year again.
          apiKeyConfig: { expires: Expiration.after(Duration.days(364)) },
        },
      },
    });
    const source = api.addDynamoDbDataSource("Products", table as dynamodb.ITable);
    table.grantReadData(source);
    for (const fieldName of ["product", "products"]) {
      source.createResolver(fieldName, {
        typeName: "Query",
        fieldName,
        runtime: appsync.FunctionRuntime.JS_1_0_0,
        code: appsync.Code.fromInline(readFileSync(path.join(__dirname, "resolvers", `${fieldName}.js`), "utf8")),
      });
    }
    if (api.apiKey === undefined) throw new Error("the API has no key");
    new McpServer(this, "Server", {
      stage: props.stage,
      serverId: "products",
      serverName: "Products",
      version: "1.0.0",
      description: "Knows the products, their prices and stock.",
      endpointUrl: api.graphqlUrl,
      protocolType: "graphql",
      authenticationType: "api_key",
      apiKey: SecretValue.resourceAttribute(api.apiKey),
      availableTools: TOOLS,
      metadata: { team: "examples" },
    });
    new CfnOutput(this, "ProductsTable", { value: table.tableName, description: "Put products here" });
  }
}
