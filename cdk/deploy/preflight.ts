/** All checks, in order: what is missing is told before anything is built or changed. */
import { Mistake } from "../mistake";
import { dataStack, serversStack, serviceStack } from "../names";
import type { Aws } from "./aws";
import { checkAgents } from "./checks/agents";
import { checkBootstrap } from "./checks/bootstrap";
import { checkCredentials, type Identity } from "./checks/credentials";
import { checkMachine } from "./checks/machine";
import { checkModels } from "./checks/models";
import { checkSecrets } from "./checks/secrets";
import { checkStack } from "./checks/stacks";
import { checkTables } from "./checks/tables";
import { explain, line, stops, type Finding } from "./finding";
import { AGENTS_SUBJECT, probe } from "./probe";
import type { Request } from "./request";
import { neededModels, readDefaults, readSettings, type NeededModel, type Settings } from "./settings";
import type { World } from "./world";

/** What is known once nothing stands in the way. */
export interface Cleared {
  readonly settings: Settings;
  readonly identity: Identity;
}

/** Checks everything and tells it; returns nothing if the deployment must not be tried. */
export async function preflight(world: World, request: Request): Promise<Cleared | undefined> {
  const findings: Finding[] = [];
  const add = (...found: readonly Finding[]): void => {
    for (const finding of found) world.terminal.tell(line(finding));
    findings.push(...found);
  };
  const cleared = await check(world, request, add);
  const explanation = explain(findings);
  if (explanation !== "") world.terminal.tell(explanation);
  if (cleared !== undefined && !stops(findings)) return cleared;
  world.terminal.tell("\nNothing was built or deployed.");
  return undefined;
}

type Add = (...found: readonly Finding[]) => void;

/** Makes the checks; stops where the next ones would make no sense. */
async function check(world: World, request: Request, add: Add): Promise<Cleared | undefined> {
  add(await checkMachine(world.run, architectureOf(world, request)));
  add(...checkApproval(world, request));
  const read = await readAll(world, request);
  if ("state" in read) {
    add(read);
    return undefined;
  }
  const { settings, models } = read;
  const { config, region } = settings;
  add({ state: "ok", subject: "settings", summary: `stage ${config.stage}, ${config.architecture}` });

  const aws = world.connect(region);
  const { finding, identity } = await checkCredentials(aws.sts, region, request.account);
  add(finding);
  if (identity === undefined) return undefined;

  const { agents, others } = await askAws(aws, settings, identity, models);
  add(...others);
  add(...(await settleAgents(world, request, aws, region, agents, stops(others))));
  return { settings, identity };
}

async function askAws(aws: Aws, settings: Settings, identity: Identity, models: readonly NeededModel[]) {
  const { config, region, qualifier } = settings;
  const { stage } = config;
  const stacks = Promise.all([
    checkStack(aws.cloudFormation, region, dataStack(stage)),
    checkStack(aws.cloudFormation, region, serviceStack(stage)),
    ...(settings.hasServers ? [checkStack(aws.cloudFormation, region, serversStack(stage))] : []),
  ]);
  const [bootstrap, modelFindings, [data, service, servers], tables, secrets, agents] = await Promise.all([
    checkBootstrap(aws.ssm, { account: identity.account, region, qualifier }),
    checkModels(aws.bedrock, region, models),
    stacks,
    stacks.then(([stack]) => checkTables(aws.dynamoDb, stage, stack)),
    stacks.then(([, stack]) => checkSecrets(aws.secretsManager, region, stage, stack)),
    checkAgents(aws.bedrockAgent, region, stage),
  ]);
  const serversFinding = servers === undefined ? [] : [servers.finding];
  return {
    agents,
    others: [bootstrap, ...modelFindings, data.finding, service.finding, ...serversFinding, tables, ...secrets],
  };
}

/** Where agents neither show that they can be created nor that they cannot, trying shows it; if that is wished. */
async function settleAgents(
  world: World,
  request: Request,
  aws: Aws,
  region: string,
  finding: Finding,
  stopped: boolean,
): Promise<readonly Finding[]> {
  if (finding.state !== "unknown") return [finding];
  if (request.probe) return probe(aws.bedrockAgent, region);
  if (!world.terminal.interactive || stopped) return [finding];
  world.terminal.tell(line(finding));
  const question = `Create an agent in ${region} and delete it at once, to find out? [y/N] `;
  const answer = await world.terminal.ask(question);
  if (/^y(es)?$/i.test(answer)) return probe(aws.bedrockAgent, region);
  return [{ ...finding, subject: AGENTS_SUBJECT, summary: "not tried" }];
}

/** Where nobody can be asked, somebody must have said beforehand that permissions may change. */
function checkApproval(world: World, request: Request): readonly Finding[] {
  const chosen = request.yes || request.cdkArguments.some((word) => word.startsWith("--require-approval"));
  if (world.terminal.interactive || chosen) return [];
  return [
    {
      state: "problem",
      subject: "approval",
      summary: "cdk asks before it changes permissions, and there is no terminal to ask on",
      advice: ["YES=1 approves without a question."],
    },
  ];
}

async function readAll(
  { root, environment }: World,
  request: Request,
): Promise<{ settings: Settings; models: readonly NeededModel[] } | Finding> {
  try {
    const settings = await readSettings(root, request, environment);
    return { settings, models: neededModels(root, settings) };
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    return { state: "problem", subject: "settings", summary: error.message.trimEnd() };
  }
}

/** What to build for is worth knowing even where other settings are wrong. */
function architectureOf({ root }: World, request: Request): string {
  return request.context["architecture"] ?? String(readDefaults(root)["architecture"]);
}
