import type { Duration } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { version } from "../../package.json";
import { acknowledge } from "../acknowledge";
import { apiKeySecret, gitlabTokenSecret } from "../names";
import { McpServerRegistration } from "./mcp-server-registration";
import { RustFunction, type Build } from "./rust-function";

/** Properties of {@link PipelinesServer}. */
export interface PipelinesServerProps {
  readonly stage: string;
  readonly build: Build;
  /** GitLab instance whose pipelines are started. */
  readonly gitlabUrl: string;
  /** The functions whose roles may invoke the server, and then need no key. */
  readonly callers: readonly RustFunction[];
  /** How long one tool call may take. */
  readonly timeout: Duration;
}

/**
 * What generated secrets never hold: a value that begins with a brace or a quotation mark looks like JSON, which the server
 * refuses. Named one by one, because emulators know `excludeCharacters` and not `excludePunctuation`.
 */
const PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/** The MCP server that starts GitLab pipelines, deployed and registered as any other team's would be. */
export class PipelinesServer extends Construct {
  static readonly SERVER_ID = "pipelines";
  readonly function: RustFunction;
  readonly registration: McpServerRegistration;
  /** The server's plain HTTP face: it needs a signature and the key. */
  readonly url: string;
  /** Name of the secret that must be given the GitLab token. */
  readonly gitlabTokenSecretName: string;

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
    const apiKey = new secretsmanager.Secret(this, "ApiKey", {
      secretName: apiKeySecret(stage, serverId),
      description: "Key for the HTTP face of the pipelines MCP server, in the header X-API-Key.",
      generateSecretString: { excludeCharacters: PUNCTUATION, passwordLength: 48 },
    });
    acknowledge(
      gitlabToken,
      "AwsSolutions-SMG4",
      "GitLab issues the token and a person puts it here: no function of ours could get a new one.",
    );
    acknowledge(
      apiKey,
      "AwsSolutions-SMG4",
      "The clients of the HTTP face hold the key too, outside AWS: rotated on a schedule, it would lock them out.",
    );

    this.function = new RustFunction(this, "pipelines", {
      stage,
      bin: "pipelines",
      build: props.build,
      description: "MCP server that starts GitLab pipelines and tells their status",
      timeout: props.timeout,
      environment: {
        STAGE: stage,
        GITLAB_URL: props.gitlabUrl,
        GITLAB_TOKEN_SECRET: gitlabTokenSecret(stage),
        API_KEY_SECRET: apiKeySecret(stage, serverId),
      },
    });
    this.function.allow(["secretsmanager:GetSecretValue"], [gitlabToken.secretArn, apiKey.secretArn]);
    const permissions = props.callers.map((caller) => {
      const permission = new lambda.CfnPermission(this, `InvokedBy-${caller.node.id}`, {
        action: "lambda:InvokeFunction",
        functionName: this.function.function.functionArn,
        principal: caller.role.roleArn,
      });
      // Lambda refuses a role that it does not know yet; once the caller's function is there, it knows its role.
      permission.node.addDependency(caller.function);
      return permission;
    });
    this.url = this.function.function.addFunctionUrl({ authType: lambda.FunctionUrlAuthType.AWS_IAM }).url;
    this.gitlabTokenSecretName = gitlabTokenSecret(stage);

    this.registration = new McpServerRegistration(this, "Registration", {
      stage,
      serverId,
      serverName: "Pipelines",
      description: "Starts GitLab pipelines and tells their status.",
      version,
      endpoint: this.function.function,
      configuration: { environment_argument: "environment", status_tool: "get_pipeline_status" },
      fingerprint: this.function.codeHash,
    });
    // The server is asked for its tools as it is registered: its role and secrets must be there by then.
    this.registration.node.addDependency(this.function, gitlabToken, apiKey, ...permissions);
  }
}
