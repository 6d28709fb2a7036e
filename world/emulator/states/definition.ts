import { ServiceError } from '../service';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any;

export interface State extends Record<string, Json> {
  readonly Type: string;
}

export interface Definition extends Record<string, Json> {
  readonly StartAt: string;
  readonly States: Record<string, State>;
  readonly TimeoutSeconds?: number;
}

/** Longer than any test; what Step Functions takes if a Task says nothing. */
export const NO_TIMEOUT_SECONDS = 99999999;

const INPUT_OUTPUT = ['InputPath', 'OutputPath'];
const RESULT = ['ResultSelector', 'ResultPath', 'Retry', 'Catch'];
/** The fields that are emulated; whatever else a definition has is refused. */
const FIELDS: Record<string, string[]> = {
  Task: [...INPUT_OUTPUT, ...RESULT, 'Resource', 'Parameters', 'TimeoutSeconds', 'TimeoutSecondsPath', 'HeartbeatSeconds'],
  Map: [
    ...INPUT_OUTPUT, ...RESULT, 'Iterator', 'ItemProcessor', 'Parameters', 'ItemSelector', 'ItemsPath', 'MaxConcurrency', 'MaxConcurrencyPath', 'Label',
  ],
  Parallel: [...INPUT_OUTPUT, ...RESULT, 'Branches', 'Parameters'],
  Pass: [...INPUT_OUTPUT, 'Result', 'ResultPath', 'Parameters'],
  Wait: [...INPUT_OUTPUT, 'Seconds', 'SecondsPath', 'Timestamp', 'TimestampPath'],
  Choice: [...INPUT_OUTPUT, 'Choices', 'Default'],
  Succeed: INPUT_OUTPUT,
  Fail: ['Error', 'Cause', 'ErrorPath', 'CausePath'],
};
const LAMBDA_INVOKE = /^arn:aws(-[a-z]+)*:states:::lambda:invoke(\.waitForTaskToken)?$/;
const FUNCTION_ARN = /^arn:aws(-[a-z]+)*:lambda:[^:]+:\d{12}:function:[^:]+(:[^:]+)?$/;
const INVOKE_PARAMETERS = ['FunctionName', 'Payload', 'Qualifier'];

export function isLambdaInvoke(resource: string): boolean {
  return LAMBDA_INVOKE.test(resource);
}

/** Whether a task waits, after its function has returned, until somebody returns its token. */
export function waitsForToken(resource: string): boolean {
  return isLambdaInvoke(resource) && resource.endsWith('.waitForTaskToken');
}

/** Refuses what is not emulated, and says in the interpreter's words what it would misunderstand. */
export function prepare(definition: Definition): Definition {
  only(definition, 'the definition', ['StartAt', 'States', 'Comment', 'Version', 'TimeoutSeconds', 'QueryLanguage', 'ProcessorConfig']);
  jsonPathOnly(definition, 'the definition');
  const config = definition.ProcessorConfig ?? {};
  only(config, 'ProcessorConfig', ['Mode', 'ExecutionType']);
  if (config.ExecutionType === 'EXPRESS') { throw refusal("'ExecutionType' must be STANDARD, got EXPRESS"); }

  return {
    ...definition,
    States: Object.fromEntries(Object.entries(definition.States).map(([name, state]) => [name, prepareState(name, state)])),
  };
}

function prepareState(name: string, state: State): State {
  const where = `state '${name}'`;
  only(state, where, ['Type', 'Comment', 'Next', 'End', 'QueryLanguage', ...FIELDS[state.Type] ?? []]);
  jsonPathOnly(state, where);
  const prepared: Record<string, Json> = { ...state };

  // The interpreter takes the path '$' for a member of that name.
  if (prepared.ResultPath === '$') { delete prepared.ResultPath; }
  if (state.Catch) {
    prepared.Catch = state.Catch.map(({ ResultPath, ...rest }: Json) => ResultPath === undefined || ResultPath === '$' ? rest : { ...rest, ResultPath });
  }
  switch (state.Type) {
    case 'Task':
      checkResource(state, where);
      // The interpreter's own default is a minute.
      if (state.TimeoutSecondsPath === undefined) { prepared.TimeoutSeconds ??= NO_TIMEOUT_SECONDS; }
      break;
    case 'Choice':
      prepared.Choices = state.Choices.map(prepareRule);
      break;
    case 'Map':
      prepared.ItemProcessor = prepare(state.ItemProcessor ?? state.Iterator);
      delete prepared.Iterator;
      break;
    case 'Parallel':
      prepared.Branches = state.Branches.map(prepare);
      break;
  }
  return prepared as State;
}

function checkResource({ Resource, Parameters = {}, HeartbeatSeconds, TimeoutSeconds = NO_TIMEOUT_SECONDS }: State, where: string): void {
  if (HeartbeatSeconds !== undefined && !waitsForToken(Resource)) { throw refusal(`${where}: 'HeartbeatSeconds' is emulated for lambda:invoke.waitForTaskToken`); }
  if (HeartbeatSeconds >= TimeoutSeconds) { throw refusal(`${where}: 'HeartbeatSeconds' must be less than 'TimeoutSeconds'`); }
  if (FUNCTION_ARN.test(Resource)) { return; }
  if (!isLambdaInvoke(Resource)) { throw refusal(`${where}: the resource must be a function or lambda:invoke, got ${Resource}`); }
  const unknown = Object.keys(Parameters).filter(key => !INVOKE_PARAMETERS.includes(key.replace(/\.\$$/, '')) && Parameters[key] !== 'RequestResponse');
  if (unknown.length > 0) { throw refusal(`${where}: the parameter ${unknown[0]} of lambda:invoke is not emulated`); }
}

/** The interpreter never matches `IsPresent: false` and its kin. */
function prepareRule(rule: Record<string, Json>): Record<string, Json> {
  const { Next, ...test } = rule;
  const next = Next === undefined ? {} : { Next };
  if (test.And) { return { ...next, And: test.And.map(prepareRule) }; }
  if (test.Or) { return { ...next, Or: test.Or.map(prepareRule) }; }
  if (test.Not) { return { ...next, Not: prepareRule(test.Not) }; }
  const [operator] = Object.keys(test).filter(key => /^Is[A-Z]/.test(key) && test[key] === false);
  return operator ? { ...next, Not: { ...test, [operator]: true } } : rule;
}

function only(thing: Record<string, Json>, where: string, known: string[]): void {
  const unknown = Object.keys(thing).find(key => !known.includes(key));
  if (unknown) { throw refusal(`${where}: the field '${unknown}' is not emulated`); }
}

function jsonPathOnly({ QueryLanguage = 'JSONPath' }: Record<string, Json>, where: string): void {
  if (QueryLanguage !== 'JSONPath') { throw refusal(`${where}: 'QueryLanguage' must be JSONPath, got ${QueryLanguage}`); }
}

function refusal(message: string): ServiceError {
  return new ServiceError('InvalidDefinition', 400, `Invalid State Machine Definition: ${message}`);
}
