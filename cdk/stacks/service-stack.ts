import { CfnOutput, Stack, Token, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { loadAgents, type AgentDefinition } from "../agents";
import { LOCAL_STAGE, type Config } from "../config";
import { localAgent, type AgentReference } from "../constructs/agent-reference";
import { Alarms } from "../constructs/alarms";
import { addApprovalTopic } from "../constructs/approval-topic";
import { BedrockAgent } from "../constructs/bedrock-agent";
import { ChatApi } from "../constructs/chat-api";
import {
  TIMEOUTS,
  agentInvoker,
  chatHandler,
  introduceSpecialists,
  mcpProxy,
  memoryManager,
} from "../constructs/handlers";
import { VpcEndpoints, attachToVpc } from "../constructs/network";
import { PipelinesServer } from "../constructs/pipelines-server";
import { addRegistrationTokens } from "../constructs/registration-tokens";
import { RegistryApi } from "../constructs/registry-api";
import { RegistryDashboard } from "../constructs/registry-dashboard";
import { healthChecker, registration, registryApi } from "../constructs/registry-handlers";
import { RustFunction } from "../constructs/rust-function";
import { gitlabTokenSecret } from "../names";

/** Properties of {@link ServiceStack}. */
export interface ServiceStackProps extends StackProps {
  readonly config: Config;
}

/** Everything but the tables: functions, agents, the chat API and the pipelines MCP server. */
export class ServiceStack extends Stack {
  constructor(scope: Construct, id: string, props: ServiceStackProps) {
    super(scope, id, { description: "Switchyard: functions, agents and API", ...props });
    const { config } = props;
    const { stage } = config;

    // First: what is wrong with the agents is worth knowing before the zips are built from them.
    const agents = loadAgents(config.agentsDir, {
      ...config,
      // The local engine runs no model in any region.
      region: config.agentEngine === "local" || Token.isUnresolved(this.region) ? undefined : this.region,
    });

    const proxy = mcpProxy(this, config);
    const invoker = agentInvoker(this, config);
    const handlers = {
      agent_invoker: invoker.function,
      mcp_proxy: proxy.function,
      memory_manager: memoryManager(this, config).function,
    };
    const reference = (definition: AgentDefinition): AgentReference =>
      config.agentEngine === "bedrock"
        ? new BedrockAgent(this, `agent-${definition.name}`, { stage, definition, handlers })
        : localAgent(this, definition.name);
    introduceSpecialists(invoker, new Map(agents.specialists.map((agent) => [agent.name, reference(agent)])));
    const chat = chatHandler(this, config, reference(agents.orchestrator));
    const api = new ChatApi(this, "ChatApi", { ...config, handler: chat.function });

    const approvals = addApprovalTopic(this, config);
    const registrar = registration(this, config, approvals);
    const registryFunction = registryApi(this, config, approvals, addRegistrationTokens(this, stage));
    const checker = healthChecker(this, config, approvals);
    const registry = new RegistryApi(this, "RegistryApi", {
      ...config,
      handler: registryFunction.function,
      loggingRole: api.loggingRole,
    });
    const pipelines = new PipelinesServer(this, "Pipelines", {
      ...config,
      build: config,
      timeout: TIMEOUTS[config.responseMode].pipelines,
    });
    // The registration names the function by an ARN made of text, in which CloudFormation sees no dependency.
    pipelines.registration.node.addDependency(registrar);

    if (config.network !== undefined) {
      const { network, invocableFunctions } = config;
      const { routeTableIds } = network;
      // Those that register are among them because they ask a server for its tools.
      for (const fn of [proxy, registrar, registryFunction, checker, pipelines.deployed?.function]) {
        if (fn !== undefined) attachToVpc(fn, network);
      }
      if (routeTableIds !== undefined) {
        const endpoints = new VpcEndpoints(this, "VpcEndpoints", {
          stage,
          network,
          routeTableIds,
          invocableFunctions,
          approvalTopicArn: approvals.topicArn,
        });
        pipelines.registration.node.addDependency(endpoints);
      }
    }

    if (stage !== LOCAL_STAGE) {
      new RegistryDashboard(this, "RegistryDashboard", {
        stage,
        api: registry.stage,
        registration: registrar.function,
      });
    }
    // Nobody is woken by what happens on one machine.
    if (config.alarmTopicArn !== undefined && stage !== LOCAL_STAGE) {
      const functions = this.node.findAll().filter((construct) => construct instanceof RustFunction);
      new Alarms(this, "Alarms", {
        stage,
        topicArn: config.alarmTopicArn,
        functions,
        chatApi: api.stage,
        registryApi: registry.stage,
      });
    }

    this.addOutput("ChatUrl", api.url, "POST chat messages here, signed for execute-api");
    this.addOutput("ChatApiId", api.restApiId, "Id of the REST API");
    this.addOutput("RegistryUrl", registry.url, "The registry of MCP servers; GET openapi.json says what there is");
    this.addOutput("RegistryApiId", registry.restApiId, "Id of the registry's REST API");
    this.addOutput("ApprovalTopicArn", approvals.topicArn, "Tells what waits for approval");
    this.addPipelinesOutputs(pipelines, config.pipelinesEndpoint);
    this.addOutput("GitLabTokenSecretName", gitlabTokenSecret(stage), "Put the GitLab token here");
  }

  private addPipelinesOutputs({ deployed, secrets }: PipelinesServer, endpoint: string | undefined): void {
    if (deployed !== undefined) {
      this.addOutput("PipelinesFunctionArn", deployed.function.function.functionArn, "The pipelines MCP server");
      this.addOutput("PipelinesUrl", deployed.url, "Its plain HTTP face: needs a signature and the header X-API-Key");
    }
    if (endpoint !== undefined) {
      this.addOutput("PipelinesEndpoint", endpoint, "The pipelines MCP server, run by you");
      this.addOutput(
        "GitLabTokenSecretArn",
        secrets.gitlabToken.secretArn,
        "Secret that its role must be able to read",
      );
      this.addOutput("PipelinesApiKeySecretArn", secrets.apiKey.secretArn, "Secret that its role must be able to read");
    }
  }

  private addOutput(id: string, value: string, description: string): void {
    new CfnOutput(this, id, { value, description });
  }
}
