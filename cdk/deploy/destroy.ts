/** `make destroy`: says what goes and what stays, asks, and removes all stacks. */
import { Mistake } from "../mistake";
import { dataStack, serversStack, serviceStack } from "../names";
import { CDK, destroyArguments } from "./cdk-command";
import { checkCredentials } from "./checks/credentials";
import { checkStack, type StackState } from "./checks/stacks";
import { readContents, type Contents } from "./contents";
import { failureOf } from "./failure";
import { explain, line } from "./finding";
import { farewell, forecast, remains } from "./farewell";
import { readRequest } from "./request";
import { readSettings } from "./settings";
import type { World } from "./world";

/** Destroys; returns the exit status. */
export async function destroy(world: World): Promise<number> {
  const { terminal, run } = world;
  const request = readRequest(world.environment);
  const settings = await readSettings(world.root, request, world.environment);
  const { region, config } = settings;
  const { stage } = config;
  const aws = world.connect(region);
  const { finding, identity } = await checkCredentials(aws.sts, region, request.account);
  terminal.tell(line(finding));
  if (identity === undefined) {
    terminal.tell(explain([finding]));
    return 1;
  }
  const stacks = await Promise.all(
    [serversStack(stage), serviceStack(stage), dataStack(stage)].map((name) =>
      checkStack(aws.cloudFormation, region, name),
    ),
  );
  const busy = stacks.filter((stack) => stack.busy);
  if (busy.length > 0) {
    terminal.tell(explain(busy.map((stack) => stack.finding)));
    return 1;
  }
  if (stacks.every(({ presence }) => presence === "absent")) {
    terminal.tell(`\nThere is no stage ${stage} in ${identity.account}, ${region}.\n${remains(region, stage, [])}`);
    return 0;
  }

  const contents = await Promise.all(
    stacks.map((stack) => look(stack, () => readContents(aws.cloudFormation, stack.name))),
  );
  terminal.tell(forecast({ stage, region, account: identity.account }, contents));
  if (!(await confirmed(world, request.yes, stage))) {
    terminal.tell("Nothing was destroyed.");
    return 1;
  }

  const keep = terminal.interactive ? "errors" : "all";
  const { status } = await run(CDK, destroyArguments(settings), { keep });
  if (status !== 0) {
    terminal.tell(`
Not everything could be destroyed: what cdk says above names the cause. Mend it and run \`make destroy\` again.
  aws cloudformation describe-stack-events --region ${region} --stack-name ${serviceStack(stage)}`);
    return 1;
  }
  const stays = contents.flatMap((content) => (content === undefined ? [] : content.stays));
  terminal.tell(farewell({ stage, region, account: identity.account }, stays));
  return 0;
}

/** What a stack holds, and nothing if it is not there or may not be looked into: destroying it is another right. */
async function look({ presence }: StackState, read: () => Promise<Contents>): Promise<Contents | undefined> {
  if (presence === "absent") return { goes: [], stays: [] };
  try {
    return await read();
  } catch (error) {
    const { cause, name, message } = failureOf(error);
    if (cause === "denied" || cause === "absent") return undefined;
    throw new Mistake(`CloudFormation does not tell what is deployed (${name}: ${message}): run it again`);
  }
}

async function confirmed({ terminal }: World, yes: boolean, stage: string): Promise<boolean> {
  if (yes) return true;
  if (!terminal.interactive) {
    terminal.tell("There is no terminal to ask on: YES=1 destroys without a question.");
    return false;
  }
  return (await terminal.ask(`Type the name of the stage (${stage}) to destroy it: `)) === stage;
}
