/** What the roles of a stack may do, written out. */
import type { Synthesised } from "./support";

interface Statement {
  readonly Effect: "Allow" | "Deny";
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** The statements of every role by path of the role, each as `[Deny ]actions on resources[ if condition]`. */
export function rights(stack: Synthesised): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  const add = (role: string, document: unknown): void => {
    for (const statement of (document as { Statement: readonly Statement[] }).Statement) {
      const effect = statement.Effect === "Deny" ? "Deny " : "";
      const actions = [statement.Action].flat().join(" ");
      const resources = (Array.isArray(statement.Resource) ? statement.Resource : [statement.Resource]).map(
        (resource) => stack.text(resource),
      );
      const condition = statement.Condition === undefined ? "" : ` if ${JSON.stringify(statement.Condition)}`;
      rows.set(role, [...(rows.get(role) ?? []), `${effect}${actions} on ${resources.sort().join(" ")}${condition}`]);
    }
  };
  for (const [role, { Properties }] of stack.ofType("AWS::IAM::Role")) {
    for (const policy of (Properties["Policies"] ?? []) as { PolicyDocument: unknown }[])
      add(role, policy.PolicyDocument);
  }
  for (const { Properties } of stack.ofType("AWS::IAM::Policy").values()) {
    for (const role of Properties["Roles"] as unknown[])
      add(stack.text(role).slice(1, -1), Properties["PolicyDocument"]);
  }
  return rows;
}
