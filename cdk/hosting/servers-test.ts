/**
 * `make servers-test`: tries the functions of the hosted servers on the stack that is deployed: the one that `make local` runs
 * on this machine, or with STAGE (and REGION) that of an account. SERVER=id tries one of them. Ends with 1 if one does not serve.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { LOCAL_STAGE } from "../config";
import { configuredRegion } from "../deploy/aws";
import { readDefaults } from "../deploy/settings";
import { Mistake } from "../mistake";
import { serversStack } from "../names";
import { serversOfOutputs, table, tryServer, type Invoke, type Trial } from "./deployed-test";

/** Longest that a function can take. */
const LONGEST_MS = 910_000;
/** Who calls a function that keeps tenants apart. */
const TENANT = "switchyard-servers-test";

interface Place {
  readonly stage: string;
  readonly config: {
    readonly region: string;
    readonly endpoint?: string;
    readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
}

/** Where to try: STAGE decides; without it the running local stack, and where there is none the stage of cdk.json. */
async function placeOf(root: string, environment: NodeJS.ProcessEnv): Promise<Place> {
  const asked = environment["STAGE"] ?? "";
  const endpoint = asked === "" || asked === LOCAL_STAGE ? localEndpoint(root) : undefined;
  if (endpoint !== undefined) {
    // MiniStack checks neither of them.
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    return { stage: LOCAL_STAGE, config: { region: "us-east-1", endpoint, credentials } };
  }
  if (asked === LOCAL_STAGE)
    throw new Mistake("STAGE=local: no local stack runs here: start it with `make local SERVERS=…`");
  const defaults = readDefaults(root);
  const named = environment["REGION"] ?? "";
  const region = named !== "" ? named : await configuredRegion(environment);
  if (region === undefined)
    throw new Mistake("region: the AWS configuration names none: say REGION=eu-central-1 (or another)");
  return { stage: asked === "" ? String(defaults["stage"]) : asked, config: { region } };
}

/** Address of the running local stack by its run file; undefined where none runs. */
function localEndpoint(root: string): string | undefined {
  try {
    const { pid, ports } = JSON.parse(readFileSync(path.join(root, ".local", "run.json"), "utf8")) as {
      readonly pid: number;
      readonly ports: { readonly ministack: number };
    };
    // Throws where that process is gone, and has left its file behind.
    process.kill(pid, 0);
    return `http://127.0.0.1:${ports.ministack}`;
  } catch {
    return undefined;
  }
}

async function outputsOf({ stage, config }: Place): Promise<ReadonlyMap<string, string>> {
  const StackName = serversStack(stage);
  try {
    const { Stacks: [stack] = [] } = await new CloudFormationClient(config).send(
      new DescribeStacksCommand({ StackName }),
    );
    return new Map((stack?.Outputs ?? []).map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]));
  } catch (error) {
    throw new Mistake(
      `${StackName} in ${config.region}: ${(error as Error).message}; which stage and region do you mean?`,
    );
  }
}

/** Invokes with the credentials in use; a function that keeps tenants apart is told one. */
function invoker({ config }: Place): Invoke {
  const requestHandler = { connectionTimeout: 4_000, requestTimeout: LONGEST_MS, throwOnRequestTimeout: true };
  const client = new LambdaClient({ ...config, maxAttempts: 1, requestHandler });
  const invoke = async (
    functionName: string,
    event: object,
    tenant: { readonly TenantId?: string },
  ): Promise<unknown> => {
    const Payload = new TextEncoder().encode(JSON.stringify(event));
    const answer = await client.send(new InvokeCommand({ FunctionName: functionName, Payload, ...tenant }));
    const text = new TextDecoder().decode(answer.Payload);
    if (answer.FunctionError !== undefined) throw new Error(`${answer.FunctionError}: ${text.slice(0, 300)}`);
    return JSON.parse(text) as unknown;
  };
  return async (functionName, event) => {
    try {
      return await invoke(functionName, event, {});
    } catch (error) {
      const { name, message } = error as Error;
      if (name !== "InvalidParameterValueException" || !/tenant/i.test(message)) throw error;
      return invoke(functionName, event, { TenantId: TENANT });
    }
  };
}

async function main(): Promise<number> {
  const root = path.join(__dirname, "..", "..");
  const place = await placeOf(root, process.env);
  const prefix = String(readDefaults(root)["hostedNamePrefix"]);
  const all = serversOfOutputs(await outputsOf(place), prefix);
  const id = process.env["SERVER"] ?? "";
  const servers = id === "" ? all : all.filter((server) => server.id === id);
  if (servers.length === 0) {
    const known = all.length === 0 ? "none" : all.map((server) => server.id).join(", ");
    throw new Mistake(`${id === "" ? "no server" : `SERVER=${id}`}: ${serversStack(place.stage)} hosts ${known}`);
  }
  process.stdout.write(`Stage ${place.stage}, ${place.config.region}\n`);
  const invoke = invoker(place);
  const trials: Trial[] = [];
  // One after the other, so that the times are those of one server.
  for (const server of servers) trials.push(await tryServer(server, invoke));
  process.stdout.write(`${table(trials)}\n`);
  return trials.every(({ problem }) => problem === undefined) ? 0 : 1;
}

main().then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    if (!(error instanceof Mistake)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  },
);
