import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "../config";
import { Mistake } from "../mistake";
import { LOCAL, NETWORK, PIPELINES_ELSEWHERE, app } from "./support";

const read = (settings: Readonly<Record<string, unknown>> = {}) => readConfig(app(settings).node);

/** The problems that some settings have, one a line. */
function problems(settings: Readonly<Record<string, unknown>>): string[] {
  try {
    read(settings);
  } catch (error) {
    if (error instanceof Mistake)
      return error.message
        .split("\n")
        .slice(1)
        .map((line) => line.trim());
    throw error;
  }
  return [];
}

test("the defaults of cdk.json are for an account", () => {
  const config = read();
  assert.equal(config.stage, "dev");
  assert.equal(config.agentEngine, "bedrock");
  assert.equal(config.responseMode, "STREAM");
  assert.equal(config.architecture, "arm64");
  assert.deepEqual(config.protectedEnvironments, ["prod"]);
  assert.deepEqual(config.allowedNetworks, []);
  assert.equal(config.requestKeyMinutes, 10);
  assert.equal(config.registrationApproval, "required");
  assert.equal(config.registrationLimit, 10);
  assert.equal(config.registryNamespace, "switchyard.dev");
  assert.equal(config.publicRegistry, false);
  assert.deepEqual(config.approvalEmails, []);
  assert.equal(config.model, undefined);
  assert.equal(config.alarmTopicArn, undefined);
  assert.equal(config.network, undefined);
  assert.equal(config.pipelinesEndpoint, undefined);
});

test("lists and numbers come as text from the command line", () => {
  const config = read({ allowedNetworks: "10.0.0.0/8,fd00::/8", protectedEnvironments: "", requestKeyMinutes: "5" });
  assert.deepEqual(config.allowedNetworks, ["10.0.0.0/8", "fd00::/8"]);
  assert.deepEqual(config.protectedEnvironments, []);
  assert.equal(config.requestKeyMinutes, 5);
});

test("the local stage has its own rules", () => {
  const connectTo = "*.lambda-url.us-east-1.on.aws:443=127.0.0.1:4566";
  assert.deepEqual(read({ ...LOCAL, connectTo }).connectTo, [connectTo]);
  assert.deepEqual(problems({ ...LOCAL, agentEngine: "bedrock" }), [
    'agentEngine: "bedrock" is not allowed; allowed: local with the stage local, bedrock with any other (it is local)',
  ]);
  assert.deepEqual(problems({ ...LOCAL, responseMode: "STREAM" }), [
    'responseMode: "STREAM" is not allowed; allowed: BUFFERED with the stage local: MiniStack does not stream REST responses',
  ]);
  assert.deepEqual(problems({ agentEngine: "local" }), [
    'agentEngine: "local" is not allowed; allowed: local with the stage local, bedrock with any other (it is dev)',
  ]);
  assert.deepEqual(problems({ connectTo }), [
    `connectTo: ["${connectTo}"] is not allowed; allowed: nothing, unless the stage is local`,
  ]);
});

const WRONG: readonly (readonly [key: string, value: unknown, problem: string])[] = [
  ["stage", "Prod", 'stage: "Prod" is not allowed; allowed: 1 to 16 of a-z, 0-9 and single hyphens'],
  ["stage", "a--b", 'stage: "a--b" is not allowed; allowed: 1 to 16 of a-z, 0-9 and single hyphens'],
  ["region", "Frankfurt", 'region: "Frankfurt" is not allowed; allowed: a region such as eu-central-1'],
  ["model", "Claude", 'model: "Claude" is not allowed; allowed: the id of a Bedrock model or inference profile'],
  ["agentEngine", "agentcore", 'agentEngine: "agentcore" is not allowed; allowed: bedrock | local'],
  ["responseMode", "stream", 'responseMode: "stream" is not allowed; allowed: STREAM | BUFFERED'],
  ["architecture", "amd64", 'architecture: "amd64" is not allowed; allowed: arm64 | x86_64'],
  ["architecture", undefined, "architecture: is missing; allowed: arm64 | x86_64"],
  [
    "environments",
    ["dev", "prod", "none"],
    'environments: "none" is not allowed; allowed: lower-case names such as dev, but not none',
  ],
  ["invocableFunctions", 3, "invocableFunctions: 3 is not allowed; allowed: a list of ARNs of Lambda functions"],
  ["protectedEnvironments", ["prd"], 'protectedEnvironments: "prd" is not allowed; allowed: names in environments'],
  [
    "allowedNetworks",
    "10.0.0.0/33",
    'allowedNetworks: "10.0.0.0/33" is not allowed; allowed: networks such as 10.0.0.0/8 or fd00::/8',
  ],
  [
    "allowedNetworks",
    ["10.0.0.0"],
    'allowedNetworks: "10.0.0.0" is not allowed; allowed: networks such as 10.0.0.0/8 or fd00::/8',
  ],
  ["vpcId", "default", 'vpcId: "default" is not allowed; allowed: an id such as vpc-0a1b2c3d4e5f60718'],
  ["vpcId", "vpc-0A1B2C3D", 'vpcId: "vpc-0A1B2C3D" is not allowed; allowed: an id such as vpc-0a1b2c3d4e5f60718'],
  [
    "subnetIds",
    [NETWORK.vpcId],
    `subnetIds: "${NETWORK.vpcId}" is not allowed; allowed: ids such as subnet-0a1b2c3d4e5f60718`,
  ],
  ["securityGroupIds", "sg-1", 'securityGroupIds: "sg-1" is not allowed; allowed: ids such as sg-0a1b2c3d4e5f60718'],
  ["routeTableIds", "main", 'routeTableIds: "main" is not allowed; allowed: ids such as rtb-0a1b2c3d4e5f60718'],
  ["vpcEndpoints", "yes", 'vpcEndpoints: "yes" is not allowed; allowed: true | false'],
  ...["mcp.internal:8000", "ftp://mcp.internal", "http://mcp.internal:8000/mcp", "http://me@mcp.internal:8000"].map(
    (endpoint): [string, unknown, string] => [
      "pipelinesEndpoint",
      endpoint,
      `pipelinesEndpoint: "${endpoint}" is not allowed; allowed: scheme, host and port such as http://mcp.internal:8000`,
    ],
  ),
  ["invocableFunctions", "f", 'invocableFunctions: "f" is not allowed; allowed: ARNs of Lambda functions'],
  [
    "connectTo",
    "a:1:b:2",
    'connectTo: "a:1:b:2" is not allowed; allowed: HOST:PORT=ADDRESS:PORT, where HOST may begin with *.',
  ],
  ["gitlabUrl", "http://git.test", 'gitlabUrl: "http://git.test" is not allowed; allowed: an https URL without query'],
  ["gitlabUrl", "gitlab.com", 'gitlabUrl: "gitlab.com" is not allowed; allowed: an https URL without query'],
  ["requestKeyMinutes", "0", 'requestKeyMinutes: "0" is not allowed; allowed: a whole number from 1 to 1440'],
  ["registrationApproval", "none", 'registrationApproval: "none" is not allowed; allowed: required | auto'],
  ["registrationLimit", 0, "registrationLimit: 0 is not allowed; allowed: a whole number from 1 to 10000"],
  ...["com.example/tools", "-x", "com_example", "x".repeat(137), ""].map((namespace): [string, unknown, string] => [
    "registryNamespace",
    namespace,
    `registryNamespace: "${namespace}" is not allowed; allowed: 1 to 136 letters, digits, dots and hyphens, such as com.example`,
  ]),
  ["publicRegistry", "yes", 'publicRegistry: "yes" is not allowed; allowed: true | false'],
  ["approvalEmails", ["me"], 'approvalEmails: "me" is not allowed; allowed: e-mail addresses'],
  [
    "alarmTopicArn",
    "on-call",
    'alarmTopicArn: "on-call" is not allowed; ' +
      "allowed: the ARN of a standard SNS topic such as arn:aws:sns:eu-central-1:111122223333:on-call",
  ],
  [
    "alarmTopicArn",
    "arn:aws:sns:eu-central-1:111122223333:on-call.fifo",
    'alarmTopicArn: "arn:aws:sns:eu-central-1:111122223333:on-call.fifo" is not allowed; ' +
      "allowed: the ARN of a standard SNS topic such as arn:aws:sns:eu-central-1:111122223333:on-call",
  ],
  ["throttleRate", "fast", 'throttleRate: "fast" is not allowed; allowed: a whole number from 1 to 10000'],
  ["throttleBurst", 1.5, "throttleBurst: 1.5 is not allowed; allowed: a whole number from 1 to 5000"],
  ["lambdaZipDir", "", 'lambdaZipDir: "" is not allowed; allowed: a directory'],
];

for (const [key, value, problem] of WRONG) {
  test(`${key} = ${JSON.stringify(value)} is refused`, () => {
    assert.deepEqual(problems({ [key]: value }), [problem]);
  });
}

test("a VPC is given whole, with or without endpoints", () => {
  const { vpcId, subnetIds, securityGroupIds, routeTableIds } = NETWORK;
  const vpc = { vpcId, subnetIds, securityGroupIds };
  const network = { vpcId, subnetIds: subnetIds.split(","), securityGroupIds: [securityGroupIds] };
  assert.deepEqual(read(vpc).network, network);
  assert.deepEqual(read({ ...vpc, vpcEndpoints: true, routeTableIds: [routeTableIds] }).network, {
    ...network,
    routeTableIds: [routeTableIds],
  });

  const together = "is not allowed; allowed: vpcId, subnetIds and securityGroupIds together, or none of them";
  assert.deepEqual(problems({ vpcId }), [`subnetIds: [] ${together}`, `securityGroupIds: [] ${together}`]);
  assert.deepEqual(problems({ subnetIds, securityGroupIds }), [
    "vpcId: is missing; allowed: vpcId, subnetIds and securityGroupIds together, or none of them",
  ]);
  assert.deepEqual(problems({ ...vpc, vpcEndpoints: "true" }), [
    "routeTableIds: [] is not allowed; allowed: the route tables of subnetIds, because vpcEndpoints is true",
  ]);
  assert.deepEqual(problems({ ...vpc, routeTableIds }), [
    `routeTableIds: ["${routeTableIds}"] is not allowed; allowed: nothing, unless vpcEndpoints is true`,
  ]);
  assert.deepEqual(problems({ vpcEndpoints: "true", routeTableIds }), [
    "vpcEndpoints: true is not allowed; allowed: false, unless vpcId, subnetIds and securityGroupIds are given",
  ]);
  // What is wrong by itself is told alone.
  assert.equal(problems({ ...vpc, subnetIds: "subnet-x" }).length, 1);
  assert.deepEqual(problems({ ...LOCAL, ...vpc }), [
    `vpcId: "${vpcId}" is not allowed; allowed: nothing with the stage local: there is no VPC on this machine`,
  ]);
});

test("a pipelines server in plain http is one inside the VPC, in a network that is allowed", () => {
  const { pipelinesEndpoint, allowedNetworks, ...vpc } = PIPELINES_ELSEWHERE;
  assert.equal(read(PIPELINES_ELSEWHERE).pipelinesEndpoint, "http://mcp.internal:8000");
  assert.equal(
    read({ pipelinesEndpoint: "https://Pipelines.example/" }).pipelinesEndpoint,
    "https://pipelines.example",
  );
  const refused =
    'pipelinesEndpoint: "http://mcp.internal:8000" is not allowed; allowed: plain http only inside a VPC: give vpcId, ' +
    "subnetIds, securityGroupIds, and in allowedNetworks the range in which the server is; or use https";
  for (const settings of [{}, { allowedNetworks }, vpc]) {
    assert.deepEqual(problems({ ...settings, pipelinesEndpoint }), [refused]);
  }
  // On one machine there is no VPC, and mcp_proxy checks the address of every connection there too.
  assert.equal(read({ ...LOCAL, pipelinesEndpoint }).pipelinesEndpoint, pipelinesEndpoint);
});

test("a token for GitLab never leaves this machine in plain text", () => {
  assert.match(
    problems({ ...LOCAL, gitlabUrl: "http://git.test" })[0] ?? "",
    /^gitlabUrl: "http:\/\/git.test" is not allowed/,
  );
});

test("a misspelt setting is not ignored", () => {
  assert.match(
    problems({ stgae: "prod" })[0] ?? "",
    /^stgae: no such setting \(value "prod"\); allowed: stage, region, /,
  );
});

test("there is at least one environment", () => {
  for (const environments of ["", []]) {
    assert.deepEqual(problems({ environments, protectedEnvironments: [] }), [
      `environments: ${JSON.stringify(environments)} is not allowed; ` +
        "allowed: a list of lower-case names such as dev, but not none, at least 1",
    ]);
  }
});

test("everything wrong is told at once", () => {
  assert.equal(problems({ stage: "!", architecture: "mips", throttleRate: 0 }).length, 3);
});

test("which third-party servers are deployed: all, none, or those that are named", () => {
  const hosted = (hostedServers: unknown) => read({ hostedServers }).hostedServers;
  assert.equal(hosted("all"), "all");
  assert.deepEqual(hosted("none"), []);
  assert.deepEqual(hosted([]), []);
  assert.deepEqual(hosted("git,aws-docs"), ["git", "aws-docs"]);
  const told = 'hostedServers: ["git","all"] is not allowed; allowed: all alone, or ids of the servers file';
  assert.deepEqual(problems({ hostedServers: "git,all" }), [told]);
  assert.deepEqual(problems({ hostedServers: "Git" }), [
    'hostedServers: "Git" is not allowed; allowed: ids of the servers file, or all, or none',
  ]);
});

test("functions of hosted servers have names with a beginning that ends in a hyphen", () => {
  assert.equal(read().hostedNamePrefix, "mcp-server-");
  assert.equal(read({ hostedNamePrefix: "mcp-server-test-" }).hostedNamePrefix, "mcp-server-test-");
  for (const hostedNamePrefix of ["mcp", "", "-", "Mcp-", `${"a".repeat(30)}-`]) {
    assert.match(problems({ hostedNamePrefix }).join(), /^hostedNamePrefix: .* with one at the end$/, hostedNamePrefix);
  }
});

test("a gateway takes signatures, or the tokens of one issuer that are meant for it", () => {
  const discoveryUrl = "https://idp.example.com/.well-known/openid-configuration";
  const jwt = { gateway: "jwt", gatewayDiscoveryUrl: discoveryUrl };
  assert.equal(read().gateway, "none");
  assert.deepEqual([read({ gateway: "iam" }).gateway, read({ gateway: "iam" }).gatewayJwt], ["iam", undefined]);
  const expected = { discoveryUrl, audiences: [], clients: ["desktop"], scopes: [] };
  assert.deepEqual(read({ ...jwt, gatewayClients: "desktop" }).gatewayJwt, expected);
  for (const [settings, told] of [
    [
      { gateway: "jwt", gatewayScopes: "tools" },
      "gatewayDiscoveryUrl: is missing; allowed: the issuer's, because gateway is jwt",
    ],
    [
      jwt,
      "gatewayAudiences: [] is not allowed; allowed: at least one audience, client or scope, because gateway is jwt",
    ],
    [
      { gateway: "iam", gatewayScopes: "tools" },
      'gateway: "iam" is not allowed; allowed: jwt, because gatewayDiscoveryUrl or a claim is given',
    ],
    [
      { gatewayActions: "true" },
      "gatewayActions: true is not allowed; allowed: false, unless there is a gateway (gateway: iam or jwt)",
    ],
    [
      { ...LOCAL, gateway: "iam" },
      'gateway: "iam" is not allowed; allowed: none with the stage local: MiniStack has no gateway',
    ],
  ] as const) {
    assert.deepEqual(problems(settings), [told]);
  }
  const http = { ...jwt, gatewayDiscoveryUrl: "http://idp.example.com/.well-known/openid-configuration" };
  assert.match(problems(http).join(), /^gatewayDiscoveryUrl: .* an https URL that ends in/);
});
