/** What cannot be right about an McpServer, told when it is written and not when it is deployed. */
import { Token, type Duration } from "aws-cdk-lib";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import { Mistake } from "../mistake";
import { serverRole } from "../names";
import type { McpAuthenticationType, McpRoute, McpServerProps } from "./mcp-server-props";

/** Where a server is, or how it is reached, and how calls prove who they are. */
export type Way =
  | { readonly route: "existing"; readonly endpointUrl: string; readonly authenticationType: McpAuthenticationType }
  | {
      readonly route: McpRoute;
      readonly serverFunction: lambda.IFunction;
      readonly authenticationType: McpAuthenticationType;
    };

/** The authentication types that a route can have; the first is its default. */
const ROUTES: Readonly<Record<McpRoute, readonly McpAuthenticationType[]>> = {
  invoke: ["none"],
  functionUrl: ["iam", "none"],
  restApi: ["api_key"],
};

/** As cdk/config.ts has it. */
const STAGE = /^[a-z](-?[a-z0-9])*$/;
/** As handlers/src/registry/model.rs has it: the id is part of a secret's name. */
const SERVER_ID = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** Semantic Versioning 2.0.0, as far as a version has no build part. */
const VERSION = /^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;
/** Longest name of a role in IAM. */
const MAX_ROLE_NAME = 64;
/** As handlers/src/registration/properties.rs has it. */
const HEALTH_CHECK_SECONDS = { least: 60, most: 86_400 };

/** Checks the properties and fills in what follows from them. Throws a {@link Mistake}. */
export function wayOf(props: McpServerProps): Way {
  const refuse = (problem: string): never => {
    throw new Mistake(`McpServer ${JSON.stringify(props.serverId)}: ${problem}`);
  };
  const check = (property: "stage" | "serverId" | "version", pattern: RegExp, allowed: string) => {
    const value = props[property];
    if (value === undefined || Token.isUnresolved(value) || pattern.test(value)) return;
    refuse(`${property} is ${JSON.stringify(value)}; allowed: ${allowed}`);
  };
  check("stage", STAGE, "the stage of a Switchyard deployment, such as dev");
  check("serverId", SERVER_ID, "1 to 63 of a-z, 0-9 and hyphens, no hyphen at either end");
  check("version", VERSION, "a semantic version such as 1.4.0");
  checkInterval(props.healthCheckInterval, refuse);

  const { serverFunction } = props;
  const way =
    serverFunction === undefined ? wayToEndpoint(props, refuse) : wayToFunction(props, serverFunction, refuse);
  checkAuthentication(props, way, refuse);
  const { protocolType = "jsonrpc" } = props;
  if (protocolType !== "jsonrpc" && props.availableTools === undefined) {
    refuse(`protocolType ${protocolType} needs availableTools; only an MCP server can be asked for them`);
  }
  return way;
}

type Refuse = (problem: string) => never;

function wayToEndpoint(props: McpServerProps, refuse: Refuse): Way {
  const { endpointUrl, authenticationType = "none", protocolType = "jsonrpc" } = props;
  if (endpointUrl === undefined) return refuse("give endpointUrl or serverFunction");
  for (const property of ["route", "allowOrigins", "throttleRate", "throttleBurst"] as const) {
    if (props[property] !== undefined) refuse(`${property} needs serverFunction`);
  }
  if (!Token.isUnresolved(endpointUrl)) {
    if (!/^(https?:\/\/|arn:)/.test(endpointUrl)) {
      refuse(`endpointUrl is ${JSON.stringify(endpointUrl)}; allowed: an https URL or the ARN of a Lambda function`);
    }
    if (endpointUrl.startsWith("arn:")) checkInvoked(authenticationType, protocolType, refuse);
  }
  return { route: "existing", endpointUrl, authenticationType };
}

function wayToFunction(props: McpServerProps, serverFunction: lambda.IFunction, refuse: Refuse): Way {
  const { route = "invoke", protocolType = "jsonrpc" } = props;
  for (const property of ["endpointUrl", "apiKey", "apiKeyHeader", "oauth", "signedFor"] as const) {
    if (props[property] !== undefined)
      refuse(`${property} is for a server that is there; leave it out with serverFunction`);
  }
  const [usual = "none", ...others] = ROUTES[route];
  const { authenticationType = usual } = props;
  if (route === "invoke") checkInvoked(authenticationType, protocolType, refuse);
  if (authenticationType !== usual && !others.includes(authenticationType)) {
    refuse(`authenticationType is ${authenticationType}; allowed with the route ${route}: ${ROUTES[route].join(", ")}`);
  }
  if (route === "restApi" && protocolType === "rest")
    refuse("protocolType rest needs the route functionUrl: a REST API made here has the route POST /mcp alone");
  if (route === "invoke" && props.allowOrigins !== undefined)
    refuse("allowOrigins needs the route functionUrl or restApi");
  for (const property of ["throttleRate", "throttleBurst"] as const) {
    if (route !== "restApi" && props[property] !== undefined) refuse(`${property} needs the route restApi`);
  }
  return { route, serverFunction, authenticationType };
}

/** A Lambda function that is invoked speaks MCP, and IAM guards it. */
function checkInvoked(authenticationType: McpAuthenticationType, protocolType: string, refuse: Refuse): void {
  const invoked = "a Lambda function is invoked with JSON-RPC messages, and IAM guards it";
  if (protocolType !== "jsonrpc") refuse(`protocolType ${protocolType} needs a URL: ${invoked}`);
  if (authenticationType !== "none") refuse(`authenticationType ${authenticationType} needs a URL: ${invoked}`);
}

function checkAuthentication(props: McpServerProps, { authenticationType }: Way, refuse: Refuse): void {
  const needs = { apiKey: "api_key", apiKeyHeader: "api_key", oauth: "oauth", signedFor: "iam" } as const;
  for (const [property, type] of Object.entries(needs)) {
    if (props[property as keyof typeof needs] !== undefined && type !== authenticationType) {
      refuse(`${property} needs authenticationType ${type}`);
    }
  }
  if (authenticationType === "oauth" && props.oauth === undefined) refuse("authenticationType oauth needs oauth");
  const role = serverRole(props.stage, props.serverId).name;
  if (authenticationType === "iam" && !Token.isUnresolved(role) && role.length > MAX_ROLE_NAME) {
    refuse(
      `the name of its role, ${role}, would be longer than ${MAX_ROLE_NAME} characters; choose a shorter serverId`,
    );
  }
}

function checkInterval(interval: Duration | undefined, refuse: Refuse): void {
  if (interval === undefined || interval.isUnresolved()) return;
  const { least, most } = HEALTH_CHECK_SECONDS;
  // A fraction of a second cannot be told.
  const seconds = interval.toSeconds({ integral: false });
  if (!Number.isInteger(seconds) || seconds < least || seconds > most) {
    refuse(`healthCheckInterval is ${interval.toHumanString()}; allowed: ${least} to ${most} whole seconds`);
  }
}
