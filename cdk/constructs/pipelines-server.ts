import path from "node:path";
import { FileSystem, type Duration } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { version } from "../../package.json";
import { acknowledge } from "../acknowledge";
import { apiKeySecret, gitlabTokenSecret } from "../names";
import { ApiKeySecret, PUNCTUATION } from "./api-key-secret";
import { McpServer } from "./mcp-server";
import { RustFunction, type Build } from "./rust-function";

/** Properties of {@link PipelinesServer}. */
export interface PipelinesServerProps {
  readonly stage: string;
  readonly build: Build;
  /** GitLab instance whose pipelines are started. */
  readonly gitlabUrl: string;
  /** Address of a server that runs elsewhere. @default - it is deployed here, as a Lambda function */
  readonly pipelinesEndpoint?: string;
  /** How long one tool call may take. */
  readonly timeout: Duration;
}

/** The server as a Lambda function. */
export interface PipelinesFunction {
  readonly function: RustFunction;
  /** Its plain HTTP face: it needs a signature and the key. */
  readonly url: string;
}

/**
 * The MCP server that starts GitLab pipelines, registered as any other team's would be: deployed here, or only named when
 * it runs elsewhere. Its secrets are here in either case.
 */
export class PipelinesServer extends Construct {
  static readonly SERVER_ID = "pipelines";
  /** The function, unless the server runs elsewhere. */
  readonly deployed: PipelinesFunction | undefined;
  readonly registration: McpServer;
  /** The GitLab token, to be put in by a person, and the key for the HTTP face. */
  readonly secrets: Readonly<Record<"gitlabToken" | "apiKey", secretsmanager.Secret>>;

  constructor(scope: Construct, id: string, props: PipelinesServerProps) {
    super(scope, id);
    const { stage } = props;
    const serverId = PipelinesServer.SERVER_ID;
    // Changing generateSecretString later would make CloudFormation replace the value that people have put in.
    const gitlabToken = new secretsmanager.Secret(this, "GitLabToken", {
      secretName: gitlabTokenSecret(stage),
      description:
        "GitLab token that starts pipelines (scope api). Created with a random value: put a project or group access " +
        "token in its place with `aws secretsmanager put-secret-value`.",
      generateSecretString: { excludeCharacters: PUNCTUATION, passwordLength: 32 },
    });
    const apiKey = new ApiKeySecret(this, "ApiKey", {
      stage,
      serverId,
      description: "Key for the HTTP face of the pipelines MCP server, in the header X-API-Key.",
    });
    acknowledge(
      gitlabToken,
      "AwsSolutions-SMG4",
      "GitLab issues the token and a person puts it here: no function of ours could get a new one.",
    );

    this.secrets = { gitlabToken, apiKey };

    const { pipelinesEndpoint } = props;
    this.deployed = pipelinesEndpoint === undefined ? this.deploy(props) : undefined;
    this.registration = new McpServer(this, "Registration", {
      stage,
      serverId,
      serverName: "Pipelines",
      description: "Starts GitLab pipelines and tells their status.",
      version,
      configuration: { environment_argument: "environment", status_tool: "get_pipeline_status" },
      ...(this.deployed === undefined
        ? {
            endpointUrl: new URL("/mcp", pipelinesEndpoint).href,
            healthCheckUrl: new URL("/health", pipelinesEndpoint).href,
            authenticationType: "api_key" as const,
            // The tools follow from this file; whoever runs the server gives it the same one.
            fingerprint: FileSystem.fingerprint(path.join(props.build.agentsDir, "..", "pipelines.yaml")),
          }
        : { serverFunction: this.deployed.function.function, fingerprint: this.deployed.function.codeHash }),
    });
    // The server is asked for its tools as it is registered: its role and secrets must be there by then.
    this.registration.node.addDependency(
      ...(this.deployed === undefined ? [] : [this.deployed.function]),
      gitlabToken,
      apiKey,
    );
  }

  private deploy(props: PipelinesServerProps): PipelinesFunction {
    const { stage } = props;
    const fn = new RustFunction(this, "pipelines", {
      stage,
      bin: "pipelines",
      build: props.build,
      description: "MCP server that starts GitLab pipelines and tells their status",
      timeout: props.timeout,
      environment: {
        STAGE: stage,
        GITLAB_URL: props.gitlabUrl,
        GITLAB_TOKEN_SECRET: gitlabTokenSecret(stage),
        API_KEY_SECRET: apiKeySecret(stage, PipelinesServer.SERVER_ID),
      },
    });
    const { gitlabToken, apiKey } = this.secrets;
    fn.allow(["secretsmanager:GetSecretValue"], [gitlabToken.secretArn, apiKey.secretArn]);
    const { url } = fn.function.addFunctionUrl({ authType: lambda.FunctionUrlAuthType.AWS_IAM });
    return { function: fn, url };
  }
}
