import { Duration, Stack, type StackProps } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as logs from "aws-cdk-lib/aws-logs";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { PrivateDnsNamespace } from "aws-cdk-lib/aws-servicediscovery";
import type { Construct } from "constructs";

export interface PipelinesContainerProps extends StackProps {
  readonly stage: string;
  /** The VPC of the setting vpcId. */
  readonly vpc: ec2.IVpc;
  /** The security group of the setting securityGroupIds. */
  readonly functions: ec2.ISecurityGroup;
  /** What `make container` built, pushed to a registry of yours. */
  readonly image: ecs.ContainerImage;
}

/** The pipelines server on Fargate, known in its VPC as http://mcp.internal:8000. */
export class PipelinesContainer extends Stack {
  constructor(scope: Construct, id: string, props: PipelinesContainerProps) {
    super(scope, id, props);
    const { stage, vpc, functions } = props;
    const task = new ecs.FargateTaskDefinition(this, "Task", {
      cpu: 256,
      memoryLimitMiB: 512,
      // As the image was built.
      runtimePlatform: {
        cpuArchitecture: ecs.CpuArchitecture.ARM64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
    });
    const secrets = {
      GITLAB_TOKEN_SECRET: `switchyard/${stage}/gitlab_token`,
      API_KEY_SECRET: `switchyard/${stage}/mcp/pipelines/api_key`,
    };
    for (const [variable, name] of Object.entries(secrets)) {
      Secret.fromSecretNameV2(this, variable, name).grantRead(task.taskRole);
    }
    task.addContainer("pipelines", {
      image: props.image,
      command: ["--http", "0.0.0.0:8000", "--allow-host", "mcp.internal:8000"],
      environment: { ...secrets, AWS_REGION: this.region, GITLAB_URL: "https://gitlab.com" },
      portMappings: [{ containerPort: 8000 }],
      readonlyRootFilesystem: true,
      // ECS does not look at the health check of the image.
      healthCheck: {
        command: ["CMD", "pipelines", "--check", "127.0.0.1:8000"],
        interval: Duration.seconds(15),
        timeout: Duration.seconds(5),
      },
      // Calls under way are answered first.
      stopTimeout: Duration.seconds(60),
      logging: ecs.LogDrivers.awsLogs({ streamPrefix: "pipelines", logRetention: logs.RetentionDays.ONE_MONTH }),
    });

    const server = new ec2.SecurityGroup(this, "Server", { vpc, description: `Pipelines server of ${stage}` });
    server.addIngressRule(functions, ec2.Port.tcp(8000), "mcp_proxy and registration");
    new ecs.FargateService(this, "Service", {
      cluster: new ecs.Cluster(this, "Cluster", { vpc }) as ecs.ICluster,
      taskDefinition: task,
      desiredCount: 2,
      minHealthyPercent: 100,
      circuitBreaker: { rollback: true },
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      // With the second group the tasks may use the endpoints that vpcEndpoints makes.
      securityGroups: [server, functions],
      cloudMapOptions: {
        name: "mcp",
        cloudMapNamespace: new PrivateDnsNamespace(this, "Names", { name: "internal", vpc }),
        dnsTtl: Duration.seconds(10),
      },
    });
  }
}
