/** What API Gateway itself answers, in the shape of our own errors: RFC 9457 problem documents. */
import * as apigateway from "aws-cdk-lib/aws-apigateway";

const { ResponseType } = apigateway;
const SIGN = "Sign the request with AWS Signature Version 4 for the service execute-api";
const RETRY = "Try again; if it stays, look the request id up in the logs.";

/** What differs between the APIs: sentences for people. */
export interface ApiWords {
  /** Where to find what there is. */
  readonly route: string;
  /** What a body has to be. */
  readonly body: string;
  /** How long it may be. */
  readonly size: string;
  /** That the API's function never saw the request. */
  readonly refused: string;
  /** That the API's function failed. */
  readonly failed: string;
  /** What to know before a request that got no answer is repeated. */
  readonly mayGoOn: string;
  /** Whether web pages of anybody may read these answers too. */
  readonly publicly: boolean;
}

/** Titles as in handlers/src/error.rs: the same for every error with that status. */
export const TITLES = {
  400: "Invalid request",
  401: "Credentials are missing or wrong",
  403: "Not allowed",
  404: "Not found",
  413: "Request body too large",
  415: "Unsupported media type",
  429: "Too many requests",
  500: "Internal error",
  502: "A service behind this one answered wrongly",
  504: "The deadline passed",
} as const;

type Row = readonly [id: string, type: apigateway.ResponseType, status: keyof typeof TITLES, detail: string];

/**
 * Every response type of a REST API that can occur here, and the two that catch the rest: their documents could not name
 * a status that differs from case to case.
 */
const rows = ({ route, body, size, refused, failed, mayGoOn }: ApiWords): readonly Row[] => [
  ["AccessDenied", ResponseType.ACCESS_DENIED, 403, "Your credentials need execute-api:Invoke on this API."],
  ["ExpiredToken", ResponseType.EXPIRED_TOKEN, 403, "The credentials have expired: renew them and sign again."],
  ["InvalidSignature", ResponseType.INVALID_SIGNATURE, 403, `The signature is wrong. ${SIGN} and the API's region.`],
  [
    "MissingAuthenticationToken",
    ResponseType.MISSING_AUTHENTICATION_TOKEN,
    403,
    `Not signed, or no such route. ${SIGN}. ${route}`,
  ],
  ["Unauthorized", ResponseType.UNAUTHORIZED, 401, `${SIGN}.`],
  ["BadRequestBody", ResponseType.BAD_REQUEST_BODY, 400, body],
  ["BadRequestParameters", ResponseType.BAD_REQUEST_PARAMETERS, 400, "A parameter of the request cannot be read."],
  ["ResourceNotFound", ResponseType.RESOURCE_NOT_FOUND, 404, route],
  ["RequestTooLarge", ResponseType.REQUEST_TOO_LARGE, 413, size],
  ["UnsupportedMediaType", ResponseType.UNSUPPORTED_MEDIA_TYPE, 415, "Send the body as application/json."],
  ["Throttled", ResponseType.THROTTLED, 429, "Wait a second and try again."],
  ["QuotaExceeded", ResponseType.QUOTA_EXCEEDED, 429, "The quota of your usage plan is used up."],
  ["WafFiltered", ResponseType.WAF_FILTERED, 403, "The web application firewall refused the request."],
  ["AuthorizerConfigurationError", ResponseType.AUTHORIZER_CONFIGURATION_ERROR, 500, RETRY],
  ["AuthorizerFailure", ResponseType.AUTHORIZER_FAILURE, 500, RETRY],
  ["ApiConfigurationError", ResponseType.API_CONFIGURATION_ERROR, 500, RETRY],
  ["IntegrationFailure", ResponseType.INTEGRATION_FAILURE, 502, `${failed} ${mayGoOn}`],
  ["IntegrationTimeout", ResponseType.INTEGRATION_TIMEOUT, 504, `The answer took too long. ${mayGoOn}`],
  ["Default4xx", ResponseType.DEFAULT_4XX, 400, refused],
  ["Default5xx", ResponseType.DEFAULT_5XX, 500, RETRY],
];

/** Gives an API's own errors the shape of ours. */
export function addProblemResponses(api: apigateway.RestApi, words: ApiWords): void {
  for (const [id, type, status, detail] of rows(words)) {
    const problem = { type: "about:blank", title: TITLES[status], status, detail, request_id: "$context.requestId" };
    api.addGatewayResponse(id, {
      type,
      statusCode: String(status),
      responseHeaders: {
        "Content-Type": "'application/problem+json'",
        ...(type === ResponseType.THROTTLED ? { "Retry-After": "'1'" } : {}),
        ...(words.publicly ? { "Access-Control-Allow-Origin": "'*'" } : {}),
      },
      templates: { "application/json": JSON.stringify(problem) },
    });
  }
}
