import { CliCredentialsStackSynthesizer, type App, type IStackSynthesizer, type StackProps } from "aws-cdk-lib";
import { LOCAL_STAGE, readConfig, type Config } from "./config";
import { readSources, type ServerSources } from "./hosting/sources";
import { dataStack, serversStack, serviceStack } from "./names";
import { DataStack } from "./stacks/data-stack";
import { ServersStack } from "./stacks/servers-stack";
import { ServiceStack } from "./stacks/service-stack";

/** The stacks of a stage. */
export interface Switchyard {
  readonly data: DataStack;
  readonly service: ServiceStack;
  /** Third-party MCP servers and the gateway; undefined where there are none. */
  readonly servers: ServersStack | undefined;
}

/** Bucket for zips and templates on MiniStack; whatever starts the local stage makes it (local/src/stack/aws.rs). */
const LOCAL_ASSET_BUCKET = "switchyard-local-assets";

/** Uploads with the credentials in use, not through roles that only a bootstrapped account has. */
function withCredentialsInUse(): IStackSynthesizer {
  // The class and the interface differ in how they leave the qualifier out.
  return new CliCredentialsStackSynthesizer({ fileAssetsBucketName: LOCAL_ASSET_BUCKET }) as IStackSynthesizer;
}

/**
 * Adds Switchyard to an app, with the settings of the app's context. The account, and the region unless it is a setting,
 * are those of the AWS configuration in use. `sourcesOf` tells what the third-party servers are made from.
 */
export function addSwitchyard(app: App, sourcesOf: (config: Config) => ServerSources = readSources): Switchyard {
  const config = readConfig(app.node);
  const sources = sourcesOf(config);
  const region = config.region ?? process.env["CDK_DEFAULT_REGION"];
  const props = (): StackProps => ({
    ...(region === undefined ? {} : { env: { region } }),
    // The account on MiniStack is not bootstrapped: that takes longer than all the rest of the deployment.
    ...(config.stage === LOCAL_STAGE ? { synthesizer: withCredentialsInUse() } : {}),
  });
  const data = new DataStack(app, dataStack(config.stage), { config, ...props() });
  const service = new ServiceStack(app, serviceStack(config.stage), { config, ...props() });
  service.addStackDependency(data, "the registration of an MCP server writes to the registry table");
  const { hosted, remote } = sources.servers;
  if (hosted.length + remote.length === 0 && config.gateway === "none") return { data, service, servers: undefined };
  const servers = new ServersStack(app, serversStack(config.stage), { config, ...sources, ...props() });
  servers.addStackDependency(service, "servers are registered by a function of the service");
  return { data, service, servers };
}
