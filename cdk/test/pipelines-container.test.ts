/** The example of docs/networks.md: it is what the page shows, and it fits the image and the deployment. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import { PipelinesContainer } from "./pipelines-container";
import { ROOT, Synthesised, app, switchyard } from "./support";

const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");

function example(): Synthesised {
  const scope = app();
  const network = new Stack(scope, "Network");
  const vpc = ec2.Vpc.fromVpcAttributes(network, "Vpc", {
    vpcId: "vpc-0a1b2c3d4e5f60718",
    availabilityZones: ["us-east-1a", "us-east-1b"],
    privateSubnetIds: ["subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"],
  });
  const functions = ec2.SecurityGroup.fromSecurityGroupId(network, "Functions", "sg-0a1b2c3d4e5f60718");
  const image = ecs.ContainerImage.fromRegistry("switchyard-pipelines:0.1.0");
  return new Synthesised(new PipelinesContainer(scope, "Pipelines", { stage: "dev", vpc, functions, image }));
}

test("the page shows the example as it is", () => {
  const [, shown] = /```ts\n([\s\S]*?)```/.exec(read("docs/networks.md")) ?? [];
  assert.equal(shown, read("cdk/test/pipelines-container.ts"));
});

test("its command lines are those of the image, and its file system is read-only", () => {
  const dockerfile = read("servers/Dockerfile");
  const words = (instruction: string) =>
    JSON.parse(new RegExp(`^${instruction}.*?(\\[.*\\])$`, "m").exec(dockerfile)?.[1] ?? "") as string[];
  const task = example().one("AWS::ECS::TaskDefinition").Properties;
  const [container] = task["ContainerDefinitions"] as Record<string, unknown>[];
  assert.deepEqual(container?.["Command"], [...words("CMD"), "--allow-host", "mcp.internal:8000"]);
  const { Command: check } = container["HealthCheck"] as { Command: string[] };
  assert.deepEqual(check, ["CMD", ...words("HEALTHCHECK")]);
  assert.equal(container["ReadonlyRootFilesystem"], true);
  assert.equal(container["EntryPoint"], undefined);
});

test("it has the secrets that the deployment makes, and may read those", () => {
  const stack = example();
  const [container] = stack.one("AWS::ECS::TaskDefinition").Properties["ContainerDefinitions"] as Record<
    string,
    unknown
  >[];
  const variables = Object.fromEntries(
    (container?.["Environment"] as { Name: string; Value: unknown }[]).map(({ Name, Value }) => [Name, Value]),
  );
  const made = [...switchyard().service.ofType("AWS::SecretsManager::Secret")]
    .filter(([at]) => at.startsWith("Pipelines/"))
    .map(([, secret]) => secret.Properties["Name"]);
  assert.deepEqual([variables["GITLAB_TOKEN_SECRET"], variables["API_KEY_SECRET"]], made);
  const { Statement } = stack.one("AWS::IAM::Policy", "Task/TaskRole").Properties["PolicyDocument"] as {
    Statement: { Action: string[]; Resource: unknown[] }[];
  };
  const readable = Statement.flatMap(({ Resource }) => [Resource].flat().map((resource) => stack.text(resource)));
  assert.deepEqual(
    readable,
    made.map(
      (name) => `arn:{AWS::Partition}:secretsmanager:{AWS::Region}:{AWS::AccountId}:secret:${String(name)}-??????`,
    ),
  );
});

test("the functions reach its port, and nobody else does", () => {
  const stack = example();
  const [rule, ...more] = [...stack.ofType("AWS::EC2::SecurityGroupIngress").values()].map(({ Properties: p }) => p);
  assert.deepEqual(more, []);
  assert.deepEqual(
    [rule?.["FromPort"], rule?.["ToPort"], rule?.["SourceSecurityGroupId"]],
    [8000, 8000, "sg-0a1b2c3d4e5f60718"],
  );
  const service = stack.one("AWS::ECS::Service").Properties;
  assert.equal(JSON.stringify(service["NetworkConfiguration"]).includes('"AssignPublicIp":"DISABLED"'), true);
  const { Name } = stack.one("AWS::ServiceDiscovery::Service").Properties;
  const { Name: namespace } = stack.one("AWS::ServiceDiscovery::PrivateDnsNamespace").Properties;
  assert.equal(`${String(Name)}.${String(namespace)}`, "mcp.internal");
});
