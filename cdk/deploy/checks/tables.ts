import { DescribeTableCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { memoryTable, registryTable, stateTable } from "../../names";
import { failureOf, unanswered } from "../failure";
import type { Finding } from "../finding";
import type { StackState } from "./stacks";

const SUBJECT = "tables";

/** All tables of a stage. */
export const tablesOf = (stage: string): readonly string[] => [
  memoryTable(stage),
  registryTable(stage),
  stateTable(stage),
];

/** Which tables are there without their stack, as `make destroy` leaves them. */
export async function checkTables(client: DynamoDBClient, stage: string, stack: StackState): Promise<Finding> {
  if (stack.presence === "present") return { state: "ok", subject: SUBJECT, summary: `belong to ${stack.name}` };
  const looked = await Promise.all(tablesOf(stage).map((table) => look(client, table)));
  const unknown = looked.find(({ failure }) => failure !== undefined)?.failure;
  if (unknown !== undefined) return unanswered(SUBJECT, unknown, "dynamodb:DescribeTable");
  const busy = looked.filter(({ status }) => status !== undefined && status !== "ACTIVE");
  if (busy.length > 0) {
    return {
      state: "problem",
      subject: SUBJECT,
      summary: busy.map(({ table, status }) => `${table} is ${String(status)}`).join(", "),
      advice: ["A table can be taken over once it is ACTIVE: wait, and run this again."],
    };
  }
  const there = looked.filter(({ status }) => status !== undefined).map(({ table }) => table);
  if (there.length === 0) return { state: "ok", subject: SUBJECT, summary: "will be created" };
  const imported = stack.presence === "unknown" ? "what has no stack will be imported" : "will be imported";
  return {
    state: "ok",
    subject: SUBJECT,
    summary: `${there.join(", ")} ${there.length === 1 ? "exists" : "exist"}: ${imported}, with all data`,
  };
}

async function look(client: DynamoDBClient, table: string) {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
    return { table, status: Table?.TableStatus ?? "without a status" };
  } catch (error) {
    const failure = failureOf(error);
    return failure.cause === "absent" ? { table } : { table, failure };
  }
}
