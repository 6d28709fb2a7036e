import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { EbsProvider } from '../../../src/private/ebs/provider';
import { arn } from '../../../world/emulator/environment';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

/** By the part of the function's logical id: its name in `EbsHandlerWorld`. */
const FUNCTIONS: Record<string, string> = {
  TransferSteps: 'steps',
  TransferCopy: 'copy',
  TransferVerify: 'verify',
  TransferCleanUp: 'cleanUp',
  ExporterPlan: 'exportPlan',
  ExporterCopy: 'exportCopy',
  ExporterFinish: 'exportFinish',
};

/** The state machines of a synthesized template, over the functions of `EbsHandlerWorld`. */
export function synthesizedMachines(): { readonly imports: Json; readonly exports: Json } {
  const stack = new Stack(new App(), 'Stack');
  const { importer, exporter } = EbsProvider.getOrCreate(stack);
  void [importer, exporter];
  const machines = Object.entries<Json>(Template.fromStack(stack).findResources('AWS::StepFunctions::StateMachine'));
  const named = (part: string) => definitionOf(machines.find(([id]) => id.includes(part))![1]);
  return { imports: named('Transfer'), exports: named('Exporter') };
}

function definitionOf(machine: Json): Json {
  const parts = machine.Properties.DefinitionString['Fn::Join'][1] as (string | { 'Fn::GetAtt': [string, string] })[];
  return JSON.parse(parts.map(part => typeof part === 'string' ? part : arnOf(part['Fn::GetAtt'][0])).join('')) as Json;
}

function arnOf(logicalId: string): string {
  const [, name] = Object.entries(FUNCTIONS).find(([part]) => logicalId.includes(part))!;
  return arn('lambda', `function:${name}`);
}
