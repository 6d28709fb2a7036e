import type { Way } from '../../emulator/ec2/routing';
import { arn } from '../../emulator/environment';
import type { FunctionProps } from '../../emulator/lambda';
import type { Handler, Request } from '../handler';
import type { Role } from '../iam';
import type { Properties } from '../stack';
import { functionArn, listOf, nameOf, numberOf, recorded, type Context } from './context';
import { checkPlace, hasTargets, type Client } from './mounts';

export function lambdaHandlers({ emulator, iam, assets, permissions }: Context): Record<string, Handler> {
  const { lambda, efs, ec2 } = emulator;

  /** Where the function's network interfaces are; its role must let Lambda make them. */
  const placed = (role: Role, name: string, { SubnetIds, SecurityGroupIds }: Properties): Client => {
    const missing = ['CreateNetworkInterface', 'DescribeNetworkInterfaces', 'DeleteNetworkInterface']
      .find(action => !role.session(name).allows(`ec2:${action}`, action.startsWith('Describe') ? '*' : arn('ec2', 'network-interface/*'), {}));
    if (missing) { throw role.refusal(`The provided execution role does not have permissions to call ${missing} on EC2`); }
    const place = { subnetIds: SubnetIds, groups: listOf<string>(SecurityGroupIds) };
    checkPlace(emulator, place);
    return place;
  };

  /** An invocation may run in any of the subnets. */
  const wayFrom = ({ subnetIds, groups }: Client, service: string): Way | undefined => {
    const ways = subnetIds.map(subnetId => ec2.routing.way({ subnetId, groups }, service));
    return ways.includes(undefined) ? undefined : ways[0];
  };

  const checkMount = (accessPointArn: string, place: Client | undefined) => {
    const accessPoint = efs.accessPoints.find(one => one.arn === accessPointArn);
    if (!accessPoint) { throw new Error(`The access point ${accessPointArn} does not exist`); }
    if (!place) { throw new Error('Function must be configured to execute in a VPC to reference access point'); }
    if (hasTargets(emulator, accessPoint.fileSystemId, place)) { return; }
    throw new Error(`EFS file system ${accessPoint.fileSystemId} does not have mount targets `
      + 'created in all availability zones the function will execute in.');
  };

  const settings = (name: string, { properties }: Request): Omit<FunctionProps, 'functionName'> => {
    const {
      Handler: handler, Code, Environment, Timeout, MemorySize, Role, ReservedConcurrentExecutions, VpcConfig, Runtime, FileSystemConfigs,
    } = properties;
    if (!/^nodejs/.test(Runtime)) { throw new Error(`the player runs functions on Node.js only, not on ${Runtime}`); }
    const role = iam.assumable(Role, 'lambda.amazonaws.com');
    const place = VpcConfig?.SubnetIds?.length > 0 ? placed(role, name, VpcConfig) : undefined;
    for (const { Arn } of listOf<Properties>(FileSystemConfigs)) { checkMount(Arn, place); }
    return {
      handler,
      codeDirectory: Code.ZipFile === undefined ? assets.directory(Code.S3Bucket, Code.S3Key) : assets.inline(Code.ZipFile),
      environment: Object.fromEntries(Object.entries(Environment?.Variables ?? {}).map(([key, value]) => [key, String(value)])),
      timeoutSeconds: numberOf(Timeout),
      memorySize: numberOf(MemorySize),
      role: role.session(name),
      wayTo: place && (service => wayFrom(place, service)),
      reservedConcurrentExecutions: numberOf(ReservedConcurrentExecutions),
    };
  };

  const configureEvents = ({ FunctionName, Qualifier, MaximumEventAgeInSeconds, MaximumRetryAttempts, DestinationConfig }: Properties) => {
    if (Qualifier !== '$LATEST') { throw new Error(`the player knows the asynchronous invocations of $LATEST only, got Qualifier ${Qualifier}`); }
    if (DestinationConfig?.OnFailure ?? DestinationConfig?.OnSuccess) {
      throw new Error(`the player knows no destinations of asynchronous invocations, got a DestinationConfig for ${FunctionName}`);
    }
    lambda.configureEvents(FunctionName, {
      maximumEventAgeSeconds: numberOf(MaximumEventAgeInSeconds), maximumRetryAttempts: numberOf(MaximumRetryAttempts),
    });
  };
  const configured = new Set<string>();

  return {
    'AWS::Lambda::EventInvokeConfig': {
      immutable: ['FunctionName', 'Qualifier'],
      create: request => {
        const { FunctionName, Qualifier } = request.properties;
        if (configured.has(functionArn(FunctionName))) {
          throw new Error(`Event invoke config for the function ${functionArn(FunctionName)}:${Qualifier} already exists`);
        }
        configureEvents(request.properties);
        configured.add(functionArn(FunctionName));
        return { physicalId: nameOf(request, undefined) };
      },
      update: ({ properties }, before) => {
        configureEvents(properties);
        return { physicalId: before.physicalId! };
      },
      delete: ({ properties: { FunctionName } }) => {
        configured.delete(functionArn(FunctionName));
        lambda.configureEvents(FunctionName);
      },
    },
    'AWS::Lambda::Function': {
      immutable: ['FunctionName', 'PackageType'],
      create: request => {
        const name = nameOf(request, request.properties.FunctionName, 64);
        return { physicalId: name, attributes: { Arn: lambda.create({ functionName: name, ...settings(name, request) }) } };
      },
      update: (request, before) => {
        lambda.update(before.physicalId!, settings(before.physicalId!, request));
        return { physicalId: before.physicalId!, attributes: before.attributes };
      },
      delete: ({ physicalId }) => lambda.delete(physicalId!),
    },
    'AWS::Lambda::Permission': {
      ...recorded(request => nameOf(request, undefined), physicalId => ({ Id: physicalId }),
        ['FunctionName', 'Action', 'Principal', 'SourceArn', 'SourceAccount', 'EventSourceToken']),
      create: request => {
        const { FunctionName, Principal, SourceArn } = request.properties;
        const permission = { functionArn: functionArn(FunctionName), principal: Principal, sourceArn: SourceArn };
        // Refused if there is no such function.
        lambda.invocations(permission.functionArn);
        const physicalId = nameOf(request, undefined);
        permissions.set(physicalId, permission);
        return { physicalId, attributes: { Id: physicalId } };
      },
      delete: ({ physicalId }) => void permissions.delete(physicalId!),
    },
  };
}
