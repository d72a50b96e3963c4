import assert from "node:assert/strict";
import { test } from "node:test";
import { MEMORY_INDEXES } from "../names";
import { LOCAL, switchyard, type Synthesised } from "./support";

interface Key {
  readonly AttributeName: string;
  readonly KeyType: "HASH" | "RANGE";
}
interface Index {
  readonly IndexName: string;
  readonly KeySchema: readonly Key[];
  readonly Projection: { readonly ProjectionType: string; readonly NonKeyAttributes?: readonly string[] };
}

const keys = (schema: unknown) => (schema as Key[]).map((key) => `${key.AttributeName} ${key.KeyType}`).join(", ");

/** Keys of each table and of each of its indexes. */
function tables(data: Synthesised): Record<string, unknown> {
  return Object.fromEntries<unknown>(
    [...data.ofType("AWS::DynamoDB::Table").values()].map(({ Properties: p }) => [
      String(p["TableName"]),
      {
        key: keys(p["KeySchema"]),
        ttl: p["TimeToLiveSpecification"],
        indexes: Object.fromEntries(
          ((p["GlobalSecondaryIndexes"] ?? []) as Index[]).map((index) => [
            index.IndexName,
            `${keys(index.KeySchema)}: ${index.Projection.ProjectionType}`,
          ]),
        ),
      },
    ]),
  );
}

test("the tables and indexes are those of the design", () => {
  assert.deepEqual(tables(switchyard().data), {
    "DeploymentMemory-dev": {
      key: "execution_id HASH",
      ttl: undefined,
      indexes: {
        "environment-index": "environment HASH, started_at RANGE: ALL",
        "tenant-index": "tenant_id HASH, started_at RANGE: ALL",
        "tenant-environment-index": "tenant#environment HASH, started_at RANGE: ALL",
      },
    },
    "MCPServerRegistry-dev": {
      key: "server_id HASH, version RANGE",
      ttl: undefined,
      indexes: {
        "status-index": "status HASH, updated_at RANGE: INCLUDE",
        "protocol-index": "protocol_type HASH, server_name RANGE: INCLUDE",
        "stack-index": "deployment_stack HASH, created_at RANGE: INCLUDE",
      },
    },
    "SwitchyardState-dev": {
      key: "pk HASH, sk RANGE",
      ttl: { AttributeName: "ttl", Enabled: true },
      indexes: {},
    },
  });
});

test("the indexes that memory_manager may query are those of the table", () => {
  const memory = tables(switchyard().data)["DeploymentMemory-dev"] as { indexes: object };
  assert.deepEqual(Object.keys(memory.indexes), MEMORY_INDEXES);
});

test("a list of servers never reads their tools", () => {
  const registry = switchyard().data.one("AWS::DynamoDB::Table", "Registry").Properties;
  for (const index of registry["GlobalSecondaryIndexes"] as Index[]) {
    const columns = index.Projection.NonKeyAttributes ?? [];
    assert.ok(columns.includes("endpoint_url") && columns.includes("owner"), index.IndexName);
    assert.ok(!columns.includes("available_tools"), index.IndexName);
    for (const key of index.KeySchema) assert.ok(!columns.includes(key.AttributeName), key.AttributeName);
  }
});

test("tables are encrypted, can be restored and outlive their stack", () => {
  for (const [id, { Properties: p, DeletionPolicy }] of switchyard().data.ofType("AWS::DynamoDB::Table")) {
    assert.deepEqual(p["SSESpecification"], { SSEEnabled: true }, id);
    assert.deepEqual(p["PointInTimeRecoverySpecification"], { PointInTimeRecoveryEnabled: true }, id);
    assert.equal(p["DeletionProtectionEnabled"], true, id);
    assert.equal(p["BillingMode"], "PAY_PER_REQUEST", id);
    assert.equal(DeletionPolicy, "Retain", id);
  }
});

test("on the local stage they go with their stack", () => {
  for (const [id, { Properties: p, DeletionPolicy }] of switchyard(LOCAL).data.ofType("AWS::DynamoDB::Table")) {
    assert.equal(DeletionPolicy, "Delete", id);
    assert.equal(p["DeletionProtectionEnabled"], false, id);
  }
});
