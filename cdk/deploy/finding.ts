/** What a check found, and how it is told. */

/** `problem` stops the deployment; `unknown` means that nobody can say before it is tried. */
export type State = "ok" | "warning" | "unknown" | "problem";

/** What one check found out. */
export interface Finding {
  readonly state: State;
  /** What was looked at: a few words. */
  readonly subject: string;
  /** What was seen: a sentence without its full stop. */
  readonly summary: string;
  /** What to do, a line each. */
  readonly advice?: readonly string[];
}

const LABELS: Readonly<Record<State, string>> = {
  ok: "ok",
  warning: "warning",
  unknown: "cannot be known",
  problem: "problem",
};
const LABEL_WIDTH = Math.max(...Object.values(LABELS).map((label) => label.length));

const HEADINGS = {
  problem: "What stands in the way",
  warning: "What to know",
  unknown: "What cannot be known before it is tried",
} as const;

/** A finding in one line. */
export function line({ state, subject, summary }: Finding): string {
  return `${LABELS[state].padEnd(LABEL_WIDTH)}  ${subject}: ${summary}`;
}

/** Everything that is not simply fine, with what to do; the empty text if all is. */
export function explain(findings: readonly Finding[]): string {
  return (["problem", "warning", "unknown"] as const)
    .map((state) => ({ state, told: findings.filter((finding) => finding.state === state) }))
    .filter(({ told }) => told.length > 0)
    .map(({ state, told }) => `\n${HEADINGS[state]}:\n\n${told.map(paragraph).join("\n\n")}`)
    .join("\n");
}

/** Whether the deployment must not be tried. */
export const stops = (findings: readonly Finding[]): boolean => findings.some(({ state }) => state === "problem");

function paragraph({ subject, summary, advice = [] }: Finding): string {
  return [`- ${subject}: ${summary}.`, ...advice.map((text) => `  ${text}`)].join("\n");
}
