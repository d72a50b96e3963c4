/** The settings of the app, as cdk will read them, before cdk is run. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { RootConstruct } from "constructs";
import { loadAgents } from "../agents";
import { LOCAL_STAGE, readConfig, type Config } from "../config";
import type { Servers } from "../hosting/server";
import { serversOf } from "../hosting/sources";
import { Mistake } from "../mistake";
import type { Model } from "../models";
import { configuredRegion } from "./aws";
import type { Request } from "./request";

/** A model, and the agents that use it. */
export interface NeededModel {
  readonly model: Model;
  readonly agents: readonly string[];
}

/** What is to be deployed, and where. */
export interface Settings {
  readonly config: Config;
  readonly region: string;
  /** Beginning of the names in a bootstrapped account. */
  readonly qualifier: string;
  /** Every setting that cdk must be given to come to the same. */
  readonly context: Readonly<Record<string, string>>;
  /** The third-party servers of the deployment. */
  readonly servers: Servers;
  /** Whether there is a stack for them: also for servers that are only registered, and for a gateway. */
  readonly hasServers: boolean;
}

const QUALIFIER = "@aws-cdk/core:bootstrapQualifier";
/** What CDK uses where nothing else is said. */
export const DEFAULT_QUALIFIER = "hnb659fds";

/** Reads the settings. Throws a {@link Mistake} that says all that is wrong with them. */
export async function readSettings(root: string, request: Request, environment: NodeJS.ProcessEnv): Promise<Settings> {
  const defaults = readDefaults(root);
  if ({ ...defaults, ...request.context }["stage"] === LOCAL_STAGE) {
    throw new Mistake(
      `stage: ${LOCAL_STAGE} is the one on this machine: run "make local", or choose another with STAGE=…`,
    );
  }
  const known = { ...defaults, ...request.context }["region"];
  const region = typeof known === "string" && known !== "" ? known : await configuredRegion(environment);
  if (region === undefined) {
    throw new Mistake(
      "region: neither the settings nor the AWS configuration name one: " +
        'say REGION=eu-central-1 (or another), or set it for good with "aws configure set region eu-central-1"',
    );
  }
  const context = { ...request.context, region };
  const node = new RootConstruct().node;
  const all: Readonly<Record<string, unknown>> = { ...defaults, ...context };
  for (const [key, value] of Object.entries(all)) node.setContext(key, value);
  const qualifier = all[QUALIFIER];
  const config = readConfig(node);
  const servers = serversOf({
    ...config,
    serversFile: path.relative(process.cwd(), path.resolve(root, config.serversFile)),
  });
  return {
    config,
    servers,
    hasServers: servers.hosted.length + servers.remote.length > 0 || config.gateway !== "none",
    region,
    qualifier: typeof qualifier === "string" ? qualifier : DEFAULT_QUALIFIER,
    context,
  };
}

/** The models that the agents need, each once. Throws a {@link Mistake} if agents or models are wrong. */
export function neededModels(root: string, { config, region }: Settings): readonly NeededModel[] {
  const { orchestrator, specialists } = loadAgents(path.relative(process.cwd(), path.resolve(root, config.agentsDir)), {
    ...config,
    region,
  });
  const needed = new Map<string, { model: Model; agents: string[] }>();
  for (const { name, model } of [orchestrator, ...specialists]) {
    const known = needed.get(model.id);
    if (known === undefined) needed.set(model.id, { model, agents: [name] });
    else known.agents.push(name);
  }
  return [...needed.values()];
}

/** The settings in cdk.json. Throws a {@link Mistake} if that is no JSON. */
export function readDefaults(root: string): Readonly<Record<string, unknown>> {
  const file = path.join(root, "cdk.json");
  try {
    return (JSON.parse(readFileSync(file, "utf8")) as { context?: Record<string, unknown> }).context ?? {};
  } catch (error) {
    throw new Mistake(`cdk.json cannot be read: ${(error as Error).message}`);
  }
}
