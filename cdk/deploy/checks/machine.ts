import type { Finding } from "../finding";
import type { Run } from "../command";

const SUBJECT = "this machine";

/** Whether the functions can be built here. Asks no network. */
export async function checkMachine(run: Run, architecture: string): Promise<Finding> {
  const { status, output } = await run("scripts/build", ["--check", architecture], { keep: "all", quiet: true });
  if (status === 0) return { state: "ok", subject: SUBJECT, summary: `builds for ${architecture}` };
  return { state: "problem", subject: SUBJECT, summary: output.trim() };
}
