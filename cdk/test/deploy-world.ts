/** A project directory, a terminal and programs that stand in for those of a deployment. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { connect } from "../deploy/aws";
import type { Ended, RunOptions } from "../deploy/command";
import type { World } from "../deploy/world";
import { QUICK, REGION } from "./aws-double";
import { ROOT, copyOfAgents } from "./support";

export const CHAT_URL = `https://abc123.execute-api.${REGION}.amazonaws.com/dev/chat`;

/** A command that was run: the program, and whether a check or the person's wish. */
export type Command = readonly string[];

/** A world in which everything that is done can be looked at. */
export interface TestWorld extends World {
  readonly commands: Command[];
  /** Everything told and asked so far. */
  screen(): string;
}

/** What differs from a deployment from a terminal that works. */
export interface Differences {
  readonly variables?: NodeJS.ProcessEnv;
  readonly interactive?: boolean;
  readonly answers?: readonly string[];
  /** How a program ends, by its name and first argument; otherwise well. */
  readonly ends?: Readonly<Record<string, Ended>>;
  /** Which outputs cdk leaves: those of both stacks, of none, or no file at all. @default "all" */
  readonly outputs?: "all" | "empty" | "no file";
  /** Text of servers.yaml; all of its servers are deployed. @default - none are */
  readonly servers?: string;
}

/** A new world, in a directory of its own. */
export function world({
  variables = {},
  interactive = true,
  answers = [],
  ends = {},
  outputs = "all",
  servers,
}: Differences = {}) {
  const root = path.dirname(copyOfAgents());
  // Servers of others are packed from package registries: a deployment that is not about them has none.
  const defaults = readFileSync(path.join(ROOT, "cdk.json"), "utf8");
  writeFileSync(
    path.join(root, "cdk.json"),
    servers === undefined ? defaults.replace('"hostedServers": "all"', '"hostedServers": "none"') : defaults,
  );
  if (servers !== undefined) writeFileSync(path.join(root, "servers.yaml"), servers);
  const told: string[] = [];
  const left = [...answers];
  const commands: Command[] = [];
  const run = (program: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> => {
    commands.push([program, ...args, ...(options.keep === undefined ? [] : [`(keep ${options.keep})`])]);
    const end = ends[`${program} ${args[0] ?? ""}`] ?? { status: 0, output: "" };
    if (args[0] === "deploy" && end.status === 0) synthesise(root, args, outputs);
    return Promise.resolve(end);
  };
  const made: TestWorld = {
    root,
    environment: { AWS_REGION: REGION, ...variables },
    terminal: {
      interactive,
      tell: (text) => told.push(text),
      ask: (question) => {
        const answer = left.shift() ?? "";
        told.push(`${question}${answer}`);
        return Promise.resolve(answer);
      },
    },
    run,
    connect: (region) => connect(region, QUICK),
    commands,
    screen: () => told.join("\n"),
  };
  return made;
}

/** Leaves what cdk leaves. */
function synthesise(root: string, args: readonly string[], outputs: Differences["outputs"]): void {
  mkdirSync(path.join(root, "cdk.out"), { recursive: true });
  const template = (stack: string, ...types: readonly string[]) => {
    const resources = Object.fromEntries(types.map((Type, i) => [`R${i}`, { Type }]));
    writeFileSync(path.join(root, "cdk.out", `${stack}.template.json`), JSON.stringify({ Resources: resources }));
  };
  template("Switchyard-dev-data", "AWS::DynamoDB::Table");
  template("Switchyard-dev-service", "AWS::SecretsManager::Secret", "AWS::SecretsManager::Secret");
  const service = { ChatUrl: CHAT_URL, GitLabTokenSecretName: "switchyard/dev/gitlab_token" };
  const file = path.join(root, args[args.indexOf("--outputs-file") + 1] ?? "");
  if (outputs === "no file") return;
  const servers = { McpTimeLambdaArn: `arn:aws:lambda:${REGION}:123456789012:function:mcp-server-time` };
  const all = { "Switchyard-dev-service": service, "Switchyard-dev-servers": servers };
  writeFileSync(file, JSON.stringify(outputs === "all" ? all : {}));
}
