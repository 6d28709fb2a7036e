import { arn } from '../../emulator/environment';
import type { FunctionProps } from '../../emulator/lambda';
import type { Handler, Request } from '../handler';
import { functionArn, nameOf, numberOf, recorded, type Context } from './context';

export function lambdaHandlers({ emulator: { lambda }, iam, assets, permissions }: Context): Record<string, Handler> {
  const settings = (name: string, { properties }: Request): Omit<FunctionProps, 'functionName'> => {
    const { Handler: handler, Code, Environment, Timeout, MemorySize, Role, ReservedConcurrentExecutions, VpcConfig, Runtime } = properties;
    if (!/^nodejs/.test(Runtime)) { throw new Error(`the player runs functions on Node.js only, not on ${Runtime}`); }
    const role = iam.assumable(Role, 'lambda.amazonaws.com');
    const principal = role.session(name);
    if (VpcConfig?.SubnetIds?.length > 0 && !principal.allows('ec2:CreateNetworkInterface', arn('ec2', 'network-interface/*'), {})) {
      throw new Error('The provided execution role does not have permissions to call CreateNetworkInterface on EC2');
    }
    return {
      handler,
      codeDirectory: Code.ZipFile === undefined ? assets.directory(Code.S3Bucket, Code.S3Key) : assets.inline(Code.ZipFile),
      environment: Object.fromEntries(Object.entries(Environment?.Variables ?? {}).map(([key, value]) => [key, String(value)])),
      timeoutSeconds: numberOf(Timeout),
      memorySize: numberOf(MemorySize),
      role: principal,
      reservedConcurrentExecutions: numberOf(ReservedConcurrentExecutions),
    };
  };

  return {
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
