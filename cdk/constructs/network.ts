/** Functions inside a VPC, and the endpoints by which they reach AWS from there. */
import { Fn, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import type { CfnFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { REGISTRY_INDEXES, functionArn, memoryTable, registryTable, secretArn, stateTable, tableArn } from "../names";
import type { Network } from "../networks";
import type { OwnFunction } from "./own-function";

/** What Lambda does with network interfaces, in the function's name. */
const LOOK = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"];
const CHANGE = [
  "ec2:AssignPrivateIpAddresses",
  "ec2:CreateNetworkInterface",
  "ec2:DeleteNetworkInterface",
  "ec2:UnassignPrivateIpAddresses",
];

/**
 * Attaches a function to the VPC. Lambda makes the network interface with the rights of the function's role, which gets
 * what AWSLambdaVPCAccessExecutionRole has for that, in this account and region only; the function's own code, which has
 * the same role, is denied all of it. Source: AWS Lambda developer guide, "Giving Lambda functions access to resources in
 * an Amazon VPC", required IAM permissions and security best practices.
 */
export function attachToVpc(fn: OwnFunction, network: Network): void {
  const stack = Stack.of(fn);
  const resource = fn.function.node.defaultChild as CfnFunction;
  resource.vpcConfig = { subnetIds: [...network.subnetIds], securityGroupIds: [...network.securityGroupIds] };
  const ours = stack.formatArn({ service: "ec2", resource: "*", resourceName: "*" });
  fn.allow(CHANGE, [ours]);
  fn.acknowledgeWildcard(ours, "Lambda makes and removes network interfaces, whose ids nobody knows beforehand.");
  // Looking has no resources that could be named.
  fn.allow(LOOK, ["*"]);
  fn.role.addToPolicy(
    new iam.PolicyStatement({
      effect: iam.Effect.DENY,
      actions: [...CHANGE, ...LOOK, "ec2:DetachNetworkInterface"],
      resources: ["*"],
      conditions: { ArnEquals: { "lambda:SourceFunctionArn": functionArn(stack, fn.name) } },
    }),
  );
}

/** Properties of {@link VpcEndpoints}. */
export interface VpcEndpointsProps {
  readonly stage: string;
  readonly network: Network;
  readonly routeTableIds: readonly string[];
  /** ARNs of functions that may be called as MCP servers without the tag. */
  readonly invocableFunctions: readonly string[];
  /** Topic that approvers listen to. */
  readonly approvalTopicArn: string;
}

/**
 * The ways from the VPC to AWS that the attached functions need: DynamoDB, Secrets Manager, Lambda, SNS, and S3 for the
 * answers to CloudFormation. An endpoint serves everybody behind its route tables or in its VPC, so its policy says what of
 * Switchyard's may be reached through it; who may, the roles say.
 */
export class VpcEndpoints extends Construct {
  constructor(scope: Construct, id: string, props: VpcEndpointsProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const { stage, network } = props;
    const { vpcId } = network;

    const group = new ec2.CfnSecurityGroup(this, "SecurityGroup", {
      groupDescription: `Endpoints of Switchyard ${stage}: https from its functions`,
      vpcId,
      securityGroupIngress: network.securityGroupIds.map((sourceSecurityGroupId) => ({
        description: "https from the functions",
        ipProtocol: "tcp",
        fromPort: 443,
        toPort: 443,
        sourceSecurityGroupId,
      })),
      // Endpoints call nobody. Without a rule there would be one that allows everything.
      securityGroupEgress: [{ description: "nothing", ipProtocol: "-1", cidrIp: "127.0.0.1/32" }],
    });

    const inAccount = { StringEquals: { "aws:PrincipalAccount": stack.account } };
    const gateway = (name: string, service: ec2.GatewayVpcEndpointAwsService, statements: iam.PolicyStatement[]) =>
      new ec2.CfnVPCEndpoint(this, name, {
        vpcId,
        serviceName: service.name,
        vpcEndpointType: "Gateway",
        routeTableIds: [...props.routeTableIds],
        policyDocument: new iam.PolicyDocument({ statements }),
      });
    const interfaces = (name: string, service: ec2.InterfaceVpcEndpointAwsService, statements: iam.PolicyStatement[]) =>
      new ec2.CfnVPCEndpoint(this, name, {
        vpcId,
        serviceName: service.name,
        vpcEndpointType: "Interface",
        subnetIds: [...network.subnetIds],
        securityGroupIds: [group.attrGroupId],
        privateDnsEnabled: true,
        policyDocument: new iam.PolicyDocument({ statements }),
      });

    const registry = tableArn(stack, registryTable(stage));
    gateway("DynamoDb", ec2.GatewayVpcEndpointAwsService.DYNAMODB, [
      letThrough(
        [
          "dynamodb:BatchGetItem",
          "dynamodb:DeleteItem",
          "dynamodb:GetItem",
          "dynamodb:PutItem",
          "dynamodb:Query",
          "dynamodb:UpdateItem",
        ],
        [tableArn(stack, memoryTable(stage)), registry, tableArn(stack, stateTable(stage))],
        inAccount,
      ),
      letThrough(
        ["dynamodb:Query"],
        REGISTRY_INDEXES.map((index) => `${registry}/index/${index}`),
        inAccount,
      ),
    ]);
    const bucket = (name: string) => stack.formatArn({ service: "s3", region: "", account: "", resource: name });
    gateway("S3", ec2.GatewayVpcEndpointAwsService.S3, [
      // Both are URLs that CloudFormation and ECR sign themselves, so the caller is nobody of this account.
      letThrough(["s3:PutObject"], [`${bucket(responseBucket(stack))}/*`]),
      letThrough(["s3:GetObject"], [`${bucket(`prod-${stack.region}-starport-layer-bucket`)}/*`]),
    ]);
    interfaces("SecretsManager", ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER, [
      letThrough(["secretsmanager:GetSecretValue"], [secretArn(stack, `switchyard/${stage}/*`)], inAccount),
    ]);
    interfaces("Lambda", ec2.InterfaceVpcEndpointAwsService.LAMBDA, [
      letThrough(
        ["lambda:InvokeFunction", "lambda:ListTags"],
        [functionArn(stack, "*"), ...props.invocableFunctions],
        inAccount,
      ),
    ]);
    interfaces("Sns", ec2.InterfaceVpcEndpointAwsService.SNS, [
      letThrough(["sns:Publish"], [props.approvalTopicArn], inAccount),
    ]);
  }
}

/** Lets actions on resources through an endpoint. */
function letThrough(actions: string[], resources: string[], conditions: Readonly<Record<string, unknown>> = {}) {
  return new iam.PolicyStatement({ principals: [new iam.AnyPrincipal()], actions, resources, conditions });
}

/**
 * The bucket that CloudFormation reads the answers of custom resources from: its name has the region without hyphens.
 * Source: AWS CloudFormation user guide, "Access CloudFormation using an interface endpoint", considerations.
 */
function responseBucket(stack: Stack): string {
  const region = Fn.join("", Fn.split("-", stack.region));
  return `cloudformation-custom-resource-response-${region}`;
}
