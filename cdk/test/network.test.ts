/** Functions in a VPC, the endpoints they need there, and a pipelines server that runs elsewhere. */
import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { HANDLERS, REGISTRY_INDEXES } from "../names";
import { addSwitchyard } from "../switchyard";
import { NETWORK, PIPELINES_ELSEWHERE, app, copyOfAgents, switchyard, type Synthesised } from "./support";

const REGION = "us-east-1";
const IN_VPC = ["Pipelines/pipelines", "mcp_proxy", "registration", "registry_api", "health_checker"];
const WITHOUT_ENDPOINTS = { ...NETWORK, vpcEndpoints: "false", routeTableIds: "" };
const settings = { region: REGION };
const arn = (service: string, resource: string) =>
  `arn:{AWS::Partition}:${service}:${REGION}:{AWS::AccountId}:${resource}`;

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Principal?: unknown;
  readonly Condition?: unknown;
}

const statements = (document: unknown) => (document as { Statement: readonly Statement[] }).Statement;

/** Each action and resource that some statements allow, as `action on resource`. */
function allowed(service: Synthesised, list: readonly Statement[]): string[] {
  return list
    .filter(({ Effect }) => Effect === "Allow")
    .flatMap(({ Action, Resource }) =>
      [Action]
        .flat()
        .flatMap((action) => [Resource].flat().map((resource) => `${action} on ${service.text(resource)}`)),
    );
}

/** Statements of the role of a function. */
function ofRole(service: Synthesised, bin: string): readonly Statement[] {
  return statements(service.one("AWS::IAM::Policy", `${bin}/Role/`).Properties["PolicyDocument"]);
}

test("without the settings nothing is in a VPC, and the pipelines server is a function", () => {
  const { service, data } = switchyard();
  for (const { template } of [service, data]) {
    assert.doesNotMatch(JSON.stringify(template.toJSON()), /Vpc|ec2:|AWS::EC2|SourceFunctionArn/);
  }
  assert.equal(service.ofType("AWS::Lambda::Function").size, HANDLERS.length + 1);
});

test("the functions that reach MCP servers, and the one that is such a server, are in the VPC, and no others", () => {
  const { service } = switchyard(WITHOUT_ENDPOINTS);
  for (const [at, { Properties: p }] of service.ofType("AWS::Lambda::Function")) {
    const expected = IN_VPC.includes(at.replace("/Function", ""))
      ? { SubnetIds: NETWORK.subnetIds.split(","), SecurityGroupIds: [NETWORK.securityGroupIds] }
      : undefined;
    assert.deepEqual(p["VpcConfig"], expected, at);
  }
  assert.equal(service.ofType("AWS::EC2::VPCEndpoint").size, 0);
  assert.equal(service.ofType("AWS::EC2::SecurityGroup").size, 0);
});

test("Lambda may handle network interfaces for them, and their own code may not", () => {
  const before = switchyard(settings).service;
  const { service } = switchyard({ ...settings, ...WITHOUT_ENDPOINTS });
  for (const bin of IN_VPC) {
    const rows = allowed(service, ofRole(service, bin));
    const change = ["AssignPrivateIpAddresses", "CreateNetworkInterface", "DeleteNetworkInterface"];
    change.push("UnassignPrivateIpAddresses");
    const look = ["DescribeNetworkInterfaces", "DescribeSubnets"];
    assert.deepEqual(
      rows.filter((row) => row.startsWith("ec2:")).sort(),
      [
        ...change.map((action) => `ec2:${action} on arn:aws:ec2:us-east-1:{AWS::AccountId}:*/*`),
        ...look.map((action) => `ec2:${action} on *`),
      ].sort(),
    );
    const [deny, ...more] = ofRole(service, bin).filter(({ Condition }) =>
      JSON.stringify(Condition ?? {}).includes("Source"),
    );
    assert.deepEqual([deny?.Effect, deny?.Resource, more], ["Deny", "*", []]);
    const denied = [...change, ...look, "DetachNetworkInterface"].map((action) => `ec2:${action}`);
    assert.deepEqual(deny?.Action, denied.sort());
    const { ArnEquals } = deny.Condition as { ArnEquals: Record<string, unknown> };
    const name = `function:switchyard-dev-${bin.split("/").at(-1) ?? ""}`;
    assert.equal(
      service.text(ArnEquals["lambda:SourceFunctionArn"]),
      `arn:aws:lambda:us-east-1:{AWS::AccountId}:${name}`,
    );
    // Lambda checks the rights when it makes the function, so the policy has to be there by then.
    const waits = service.one("AWS::Lambda::Function", `${bin}/`).DependsOn?.map((id) => service.path(id));
    assert.ok(waits?.includes(`${bin}/Role/DefaultPolicy`), bin);
    // Everything else that the role could do before, it can do now.
    assert.deepEqual(
      rows.filter((row) => !row.startsWith("ec2:")),
      allowed(before, ofRole(before, bin)),
    );
  }
  for (const [role, { Properties }] of service.ofType("AWS::IAM::Role")) {
    if (role !== "ChatApi/Api/CloudWatchRole") assert.equal(Properties["ManagedPolicyArns"], undefined, role);
  }
});

test("with vpcEndpoints there is one for each service, where the settings say, open to the functions alone", () => {
  const { service } = switchyard({ ...settings, ...NETWORK });
  const group = service.one("AWS::EC2::SecurityGroup").Properties;
  assert.deepEqual(group["SecurityGroupIngress"], [
    {
      Description: "https from the functions",
      IpProtocol: "tcp",
      FromPort: 443,
      ToPort: 443,
      SourceSecurityGroupId: NETWORK.securityGroupIds,
    },
  ]);
  assert.deepEqual(group["SecurityGroupEgress"], [
    { Description: "nothing", IpProtocol: "-1", CidrIp: "127.0.0.1/32" },
  ]);
  const endpoints = [...service.ofType("AWS::EC2::VPCEndpoint").values()].map(({ Properties: p }) => {
    const { PolicyDocument, ServiceName, SecurityGroupIds, ...rest } = p;
    assert.ok(statements(PolicyDocument).length > 0);
    return [service.text(ServiceName), SecurityGroupIds === undefined ? undefined : "a group", rest];
  });
  const at = { VpcId: NETWORK.vpcId };
  const gateway = { ...at, VpcEndpointType: "Gateway", RouteTableIds: [NETWORK.routeTableIds] };
  const interfaces = {
    ...at,
    VpcEndpointType: "Interface",
    SubnetIds: NETWORK.subnetIds.split(","),
    PrivateDnsEnabled: true,
  };
  assert.deepEqual(endpoints, [
    ["com.amazonaws.{AWS::Region}.dynamodb", undefined, gateway],
    ["com.amazonaws.{AWS::Region}.s3", undefined, gateway],
    ["com.amazonaws.us-east-1.secretsmanager", "a group", interfaces],
    ["com.amazonaws.us-east-1.lambda", "a group", interfaces],
    ["com.amazonaws.us-east-1.sns", "a group", interfaces],
  ]);
});

test("the endpoints let through what the functions in the VPC are allowed, and little else", () => {
  const theirs = "arn:aws:lambda:us-east-1:111122223333:function:theirs";
  const { service } = switchyard({ ...settings, ...NETWORK, invocableFunctions: theirs });
  const through = [...service.ofType("AWS::EC2::VPCEndpoint").values()].flatMap(({ Properties: p }) =>
    statements(p["PolicyDocument"]),
  );
  for (const { Effect, Principal, Condition, Action } of through) {
    assert.deepEqual([Effect, Principal], ["Allow", { AWS: "*" }]);
    // The two buckets are reached by URLs that AWS services have signed.
    const ours = { StringEquals: { "aws:PrincipalAccount": { Ref: "AWS::AccountId" } } };
    assert.deepEqual(Condition, String(Action).startsWith("s3:") ? undefined : ours);
  }
  const rows = allowed(service, through).map((row) => row.replaceAll("{AWS::Partition}", "aws"));
  // Secrets of the pipelines server are named by reference: all secrets of a stage have one beginning.
  const secrets = `arn:aws:secretsmanager:us-east-1:{AWS::AccountId}:secret:switchyard/dev/*`;
  const needed = IN_VPC.flatMap((bin) => allowed(service, ofRole(service, bin)))
    .map((row) => row.replaceAll("{AWS::Partition}", "aws"))
    .filter((row) => /^(dynamodb|lambda|secretsmanager|sns):/.test(row))
    .map((row) => row.replace(/^(secretsmanager:\S+ on ).*$/, `$1${secrets}`));
  assert.deepEqual(
    needed.filter((row) => !rows.includes(row)),
    [],
    "the roles allow what the endpoints do not let through",
  );
  const tables = ["DeploymentMemory-dev", "MCPServerRegistry-dev", "SwitchyardState-dev"];
  const actions = ["BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"];
  assert.deepEqual(
    rows.sort(),
    [
      ...actions.flatMap((action) => tables.map((name) => `dynamodb:${action} on ${arn("dynamodb", `table/${name}`)}`)),
      ...REGISTRY_INDEXES.map(
        (index) => `dynamodb:Query on ${arn("dynamodb", `table/MCPServerRegistry-dev/index/${index}`)}`,
      ),
      `lambda:InvokeFunction on ${arn("lambda", "function:*")}`,
      `lambda:InvokeFunction on ${theirs}`,
      `lambda:ListTags on ${arn("lambda", "function:*")}`,
      `lambda:ListTags on ${theirs}`,
      "s3:GetObject on arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*",
      // As handlers/src/registration/answer.rs checks it: the region without hyphens.
      "s3:PutObject on arn:aws:s3:::cloudformation-custom-resource-response-useast1/*",
      `secretsmanager:GetSecretValue on ${secrets}`,
      "sns:Publish on {Approvals}",
    ]
      .map((row) => row.replaceAll("{AWS::Partition}", "aws"))
      .sort(),
  );
});

test("the response bucket is named right where the region is only known to CloudFormation", () => {
  const { service } = switchyard(NETWORK);
  const policy = JSON.stringify(service.one("AWS::EC2::VPCEndpoint", "VpcEndpoints/S3").Properties["PolicyDocument"]);
  const region = { "Fn::Join": ["", { "Fn::Split": ["-", { Ref: "AWS::Region" }] }] };
  assert.ok(policy.includes(`:s3:::cloudformation-custom-resource-response-",${JSON.stringify(region)},"/*"`), policy);
});

test("registration has its ways out before it is asked to register, and until the last server is taken out", () => {
  const { service } = switchyard(NETWORK);
  const waits = service.one("Custom::SwitchyardMcpServer").DependsOn?.map((id) => service.path(id)) ?? [];
  for (const endpoint of ["DynamoDb", "S3", "SecretsManager", "Lambda", "Sns"]) {
    assert.ok(waits.includes(`VpcEndpoints/${endpoint}`), endpoint);
  }
});

test("a pipelines server that runs elsewhere is registered with its key, and no function is deployed for it", () => {
  const { service } = switchyard({ ...settings, ...PIPELINES_ELSEWHERE });
  assert.deepEqual(
    [...service.ofType("AWS::Lambda::Function").keys()].filter((at) => at.startsWith("Pipelines/")),
    [],
  );
  for (const type of ["AWS::Lambda::Url", "AWS::EC2::VPCEndpoint"]) assert.equal(service.ofType(type).size, 0, type);
  const { Fingerprint, ServiceToken, ...rest } = service.one("Custom::SwitchyardMcpServer").Properties;
  assert.equal(
    service.text(ServiceToken),
    "arn:aws:lambda:us-east-1:{AWS::AccountId}:function:switchyard-dev-registration",
  );
  assert.match(String(Fingerprint), /^[0-9a-f]{64}$/);
  assert.deepEqual(rest, {
    ServiceTimeout: "120",
    ServerId: "pipelines",
    ServerName: "Pipelines",
    Description: "Starts GitLab pipelines and tells their status.",
    Version: "0.1.0",
    EndpointUrl: "http://mcp.internal:8000/mcp",
    HealthCheckUrl: "http://mcp.internal:8000/health",
    ProtocolType: "jsonrpc",
    AuthenticationType: "api_key",
    Configuration: '{"environment_argument":"environment","status_tool":"get_pipeline_status"}',
    Status: "active",
    DeploymentStack: "Switchyard-dev-service",
    DeploymentRegion: "us-east-1",
  });
  assert.equal(service.environment("mcp_proxy")["ALLOWED_NETWORKS"], "10.20.0.0/16");
  assert.equal(service.environment("registration")["ALLOWED_NETWORKS"], "10.20.0.0/16");
});

test("its secrets, its id and its registration are the same ones, so that moving keeps key and token", () => {
  const [before, after] = [switchyard(settings), switchyard({ ...settings, ...PIPELINES_ELSEWHERE })];
  for (const type of ["AWS::SecretsManager::Secret", "Custom::SwitchyardMcpServer"]) {
    const ids = [before, after].map(({ service }) =>
      Object.entries(service.resources).flatMap(([id, { Type }]) => (Type === type ? [id] : [])),
    );
    assert.deepEqual(ids[0], ids[1], type);
  }
  const secrets = (of: typeof before) => [...of.service.ofType("AWS::SecretsManager::Secret")];
  assert.deepEqual(secrets(after), secrets(before));
  const outputs = (of: typeof before) => Object.keys(of.service.template.findOutputs("*"));
  const common = ["ChatUrl", "ChatApiId", "RegistryUrl", "RegistryApiId", "ApprovalTopicArn", "GitLabTokenSecretName"];
  assert.deepEqual(outputs(before).sort(), [...common, "PipelinesFunctionArn", "PipelinesUrl"].sort());
  assert.deepEqual(
    outputs(after).sort(),
    [...common, "PipelinesEndpoint", "GitLabTokenSecretArn", "PipelinesApiKeySecretArn"].sort(),
  );
});

test("its tools are read again when the pipeline types change", () => {
  const agentsDir = copyOfAgents();
  const fingerprint = (of: Readonly<Record<string, unknown>>) =>
    switchyard(of).service.one("Custom::SwitchyardMcpServer").Properties["Fingerprint"];
  const before = fingerprint({ ...PIPELINES_ELSEWHERE, agentsDir });
  assert.equal(before, fingerprint({ ...PIPELINES_ELSEWHERE }));
  appendFileSync(path.join(agentsDir, "..", "pipelines.yaml"), "# later\n");
  // Other settings, because the same ones are synthesised once.
  assert.notEqual(before, fingerprint({ ...PIPELINES_ELSEWHERE, agentsDir, requestKeyMinutes: 11 }));
});

for (const [name, more] of Object.entries({ VPC: NETWORK, "server elsewhere": PIPELINES_ELSEWHERE })) {
  test(`the app with a ${name} passes CDK's checks`, () => {
    const whole = app({ ...more }, true);
    addSwitchyard(whole);
    const notes = whole.synth().stacks.flatMap(({ messages }) => messages);
    assert.deepEqual(
      notes
        .map(({ level, entry }) => `${level}: ${JSON.stringify(entry.data)}`)
        .filter((note) => !note.startsWith("info")),
      [],
    );
  });
}
