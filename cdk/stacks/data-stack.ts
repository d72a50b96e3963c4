import { RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import type { Construct } from "constructs";
import { LOCAL_STAGE, type Config } from "../config";
import { memoryTable, registryTable, stateTable } from "../names";

/** Properties of {@link DataStack}. */
export interface DataStackProps extends StackProps {
  readonly config: Config;
}

type Key = readonly [partition: string, sort?: string];

/** What a list of MCP servers shows; the tools stay out, because they can be 139 KB for one server. */
const LIST_COLUMNS = [
  "server_name",
  "description",
  "endpoint_url",
  "protocol_type",
  "authentication_type",
  "status",
  "definition_hash",
  "deployment_stack",
  "deployment_region",
  "owner",
  "mcp_version",
  "created_at",
  "updated_at",
];

/** The tables. Kept when the stack goes, except on the local stage. */
export class DataStack extends Stack {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: DataStackProps,
  ) {
    super(scope, id, { description: "Switchyard: tables", ...props });
    const { stage } = props.config;

    const memory = this.addTable("Memory", memoryTable(stage), ["execution_id"]);
    this.addIndex(memory, "environment-index", ["environment", "started_at"]);
    this.addIndex(memory, "tenant-index", ["tenant_id", "started_at"]);
    this.addIndex(memory, "tenant-environment-index", ["tenant#environment", "started_at"]);

    const registry = this.addTable("Registry", registryTable(stage), ["server_id", "version"]);
    this.addIndex(registry, "status-index", ["status", "updated_at"], LIST_COLUMNS);
    this.addIndex(registry, "protocol-index", ["protocol_type", "server_name"], LIST_COLUMNS);
    this.addIndex(registry, "stack-index", ["deployment_stack", "created_at"], LIST_COLUMNS);

    this.addTable("State", stateTable(stage), ["pk", "sk"], "ttl");
  }

  private addTable(id: string, tableName: string, key: Key, timeToLiveAttribute?: string): dynamodb.Table {
    const local = this.props.config.stage === LOCAL_STAGE;
    return new dynamodb.Table(this, id, {
      tableName,
      ...attributes(key),
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      encryption: dynamodb.TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: !local,
      removalPolicy: local ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      ...(timeToLiveAttribute === undefined ? {} : { timeToLiveAttribute }),
    });
  }

  /** An index with all attributes, or with the given ones beside the keys. */
  private addIndex(table: dynamodb.Table, indexName: string, key: Key, columns?: readonly string[]): void {
    table.addGlobalSecondaryIndex({
      indexName,
      ...attributes(key),
      ...(columns === undefined
        ? { projectionType: dynamodb.ProjectionType.ALL }
        : {
            projectionType: dynamodb.ProjectionType.INCLUDE,
            nonKeyAttributes: columns.filter((column) => !key.includes(column)),
          }),
    });
  }
}

/** All keys are strings; times are ISO 8601, which sorts as time does. */
function attributes([partition, sort]: Key): dynamodb.SchemaOptions {
  const type = dynamodb.AttributeType.STRING;
  return { partitionKey: { name: partition, type }, ...(sort === undefined ? {} : { sortKey: { name: sort, type } }) };
}
