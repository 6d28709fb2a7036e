import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Clock } from '../clock';
import type { Latency } from '../latency';
import { NO_TIMEOUT_SECONDS, waitsForToken, type Definition, type Json } from './definition';
import { History, TerminalError } from './history';
import type { Task } from './tasks';

const LIBRARY = path.resolve(__dirname, '../../../node_modules/aws-local-stepfunctions/build/main.node.cjs');
const MAX_BYTES = 262_144;
/** Definitions that were valid, function names aside: validation takes a third of a second. */
const valid = new Set<string>();
/** Where the context of a task has it if it waits for its token; no path leads there. */
const TASK = Symbol('task');
const INLINE_CONCURRENCY = 40;
const DISTRIBUTED_CONCURRENCY = 10_000;

/** What an execution does for its states. */
export interface Hooks {
  readonly history: History;
  /** A state is about to be entered, at first or again by its Retry; the last moment to abort. */
  enter(): void;
  /** `task`: what its token stands for, if it waits for one. */
  runTask(resource: string, input: Json, task: Task | undefined): Promise<Json>;
  /** A task begins that waits for its token. */
  openTask(heartbeatSeconds: number | undefined): Task;
  /** A distributed Map begins; returns the context object of its child executions. */
  startMapRun(state: string): (input: Json) => Json;
}

export interface Run {
  readonly result: Promise<Json>;
  abort(): void;
}

export interface Interpreter {
  /** Throws if the definition is not valid Amazon States Language. */
  validate(definition: Definition): void;
  /** Rejects with an error whose `name` is the error's and whose `message` is the cause. */
  run(definition: Definition, input: Json, context: Json, hooks: Hooks): Run;
}

/**
 * aws-local-stepfunctions, in the time of a test: its source is evaluated with
 * timers and `Date` of the clock. Where it differs from Step Functions, its
 * inner classes are corrected.
 */
export function loadInterpreter(clock: Clock, seed: number, latency: Latency): Interpreter {
  const library = evaluate(clock, seededRandom(seed));
  const { StateMachine, StateExecutor, TaskStateAction, StatesRuntimeError, ExecutionError, jsonPathQuery, processPayloadTemplate } = library;
  const executeState = StateExecutor.prototype.execute;

  /** Original: another context object for every nested part, and no way to look at transitions. */
  StateMachine.prototype.execute = async function(input: Json, options: Json, cleanUp: () => void): Promise<Json> {
    const context = { ...options.runOptions.context };
    let name = this.definition.StartAt;
    let value = input;
    try {
      for (;;) {
        context.State = { Name: name, EnteredTime: new Date(clock.now()).toISOString(), RetryCount: -1 };
        const { stateResult, nextState, isEndState } = await new StateExecutor(name, this.definition.States[name]).execute(value, context, options);
        if (isEndState) { return stateResult; }
        value = stateResult;
        name = nextState;
      }
    } catch (error) {
      throw new ExecutionError(error);
    } finally {
      cleanUp();
    }
  };

  /** Called again for every retry, also by the original. */
  StateExecutor.prototype.execute = async function(input: Json, context: Json, options: Json): Promise<Json> {
    const { hooks, history } = options.runOptions;
    if (latency.of('transition', this.stateName) > 0) { await latency.pass('transition', this.stateName, context.StateMachine.Name); }
    hooks.enter();
    if (options.abortSignal.aborted) { throw new TerminalError('Aborted', 'the execution has ended'); }
    const first = ++context.State.RetryCount === 0;
    if (first) { history.add(1); }
    const { Resource, HeartbeatSeconds } = this.stateDefinition;
    // Each attempt has a token of its own.
    const task: Task | undefined = Resource && waitsForToken(Resource) ? hooks.openTask(HeartbeatSeconds) : undefined;
    const result = await executeState.call(this, input, task ? { ...context, Task: { Token: task.token }, [TASK]: task } : context, options);
    limitSize(result.stateResult, 'output', this.stateName);
    if (first) { history.add(1); }
    return result;
  };

  /** Original: looks for the timeout in the parameters. */
  StateExecutor.prototype.executeTaskState = async function(
    state: Json, raw: Json, input: Json, context: Json, name: string, { runOptions }: Json,
  ) {
    limitSize(input, 'input', name);
    const task: Task | undefined = context[TASK];
    const TimeoutSeconds = state.TimeoutSecondsPath ? jsonPathQuery(state.TimeoutSecondsPath, raw, context) : state.TimeoutSeconds;
    const overrideFn = (payload: Json): Promise<Json> => runOptions.hooks.runTask(state.Resource, payload, task);
    try {
      return await new TaskStateAction({ ...state, TimeoutSeconds }, name).execute(input, context, { overrideFn });
    } finally {
      task?.close();
    }
  };

  /** Original: a `Result` that is false, 0 or empty is lost. */
  StateExecutor.prototype.executePassState = async (state: Json, _raw: Json, input: Json) => ending(state, 'Result' in state ? state.Result : input);

  /** Original: does not evaluate intrinsic functions in ErrorPath and CausePath. */
  const executeFailState = StateExecutor.prototype.executeFailState;
  StateExecutor.prototype.executeFailState = async (state: Json, raw: Json, input: Json, context: Json, ...more: Json[]) => {
    const values = [['Error', 'ErrorPath'], ['Cause', 'CausePath']].flatMap(([field, pathField]) =>
      state[pathField]?.startsWith('States.')
        ? [[field, processPayloadTemplate({ 'value.$': state[pathField] }, input, context).value], [pathField, undefined]] : []);
    return executeFailState({ ...state, ...Object.fromEntries(values) }, raw, input, context, ...more);
  };

  /** Original: goes on with the queued items after a failure; items do not see themselves in the context; no child executions. */
  StateExecutor.prototype.executeMapState = async (state: Json, _raw: Json, input: Json, context: Json, name: string, options: Json) => {
    const items = state.ItemsPath ? jsonPathQuery(state.ItemsPath, input, context) : input;
    if (!Array.isArray(items)) { throw new StatesRuntimeError(`Map state '${name}': the items must be an array, got ${JSON.stringify(items)}`); }
    const distributed = state.ItemProcessor.ProcessorConfig?.Mode === 'DISTRIBUTED';
    const { history } = options.runOptions as { history: History };
    if (distributed && latency.of('mapRun', name) > 0) { await latency.pass('mapRun', name, context.StateMachine.Name); }
    const childContext: ((item: Json) => Json) | undefined = distributed ? options.runOptions.hooks.startMapRun(name) : undefined;
    const concurrency = (state.MaxConcurrencyPath ? jsonPathQuery(state.MaxConcurrencyPath, input, context) : state.MaxConcurrency)
      || (distributed ? DISTRIBUTED_CONCURRENCY : INLINE_CONCURRENCY);

    const template = state.ItemSelector ?? state.Parameters;
    const failed = new AbortController();
    const signal = AbortSignal.any([options.abortSignal, failed.signal]);
    const machine = new StateMachine(state.ItemProcessor, { validationOptions: { noValidate: true } });
    const runItem = async (item: Json, index: number): Promise<Json> => {
      const itemContext = { ...context, Map: { Item: { Index: index, Value: item } } };
      const itemInput = template === undefined ? item : processPayloadTemplate(template, input, itemContext);
      if (distributed && latency.of('mapChild', name) > 0) { await latency.pass('mapChild', name, context.StateMachine.Name); }
      const nested = childContext ? childContext(itemInput) : itemContext;
      const runOptions = { ...options.runOptions, context: nested, _rootAbortSignal: signal };
      if (distributed) { return machine.run(itemInput, { ...runOptions, history: new History() }).result; }
      // MapIterationStarted, MapIterationSucceeded.
      history.add(1);
      const result = await machine.run(itemInput, runOptions).result;
      history.add(1);
      return result;
    };

    try {
      // MapRunStarted, MapRunSucceeded.
      history.add(distributed ? 1 : 0);
      const results = await inLanes(items, concurrency, runItem, signal);
      history.add(distributed ? 1 : 0);
      return ending(state, results);
    } catch (error) {
      failed.abort();
      if (distributed) {
        // A Map Run hides which error its children failed with.
        throw Object.assign(new Error('The specified tolerated failure threshold was exceeded'), { name: 'States.ExceedToleratedFailureThreshold' });
      }
      throw error instanceof ExecutionError ? (error as Error).cause : error;
    }
  };

  countEvents(StateExecutor);
  return {
    validate: definition => {
      const text = JSON.stringify(definition);
      const key = text.replace(/arn:[a-z-]+:lambda:[^"]*/g, 'function');
      if (valid.has(key)) { return; }
      // On a copy, as the validator adds defaults.
      new StateMachine(JSON.parse(text), { validationOptions: { checkArn: false } });
      valid.add(key);
    },
    run: (definition, input, context, hooks) => {
      const machine = new StateMachine(definition, { validationOptions: { noValidate: true } });
      const { result, abort } = machine.run(input, { context, hooks, history: hooks.history });
      return {
        abort,
        result: result.catch((error: Error) => { throw error instanceof ExecutionError ? error.cause : error; }),
      };
    },
  };
}

/** Counts the events between those that a state was entered and exited. */
function countEvents(StateExecutor: Json): void {
  for (const type of ['Task', 'Map', 'Parallel']) {
    const name = `execute${type}State`;
    const work = StateExecutor.prototype[name] as (...given: Json[]) => Promise<Json>;
    StateExecutor.prototype[name] = async function(...given: Json[]): Promise<Json> {
      const { history } = given.at(-1).runOptions as { history: History };
      history.begin(type);
      try {
        return await work.apply(this, given);
      } finally {
        history.end(type);
      }
    };
  }
}

function evaluate(clock: Clock, random: () => number): Json {
  const source = readFileSync(LIBRARY, 'utf8');
  const inner = 'StateMachine, StateExecutor, TaskStateAction, StatesRuntimeError, ExecutionError, jsonPathQuery, processPayloadTemplate';
  const nativeRequire = createRequire(LIBRARY);
  const requireFor = (name: string): unknown => {
    // Its own ways to call Lambda are not needed, and slow to load.
    if (name.startsWith('@aws-sdk/')) { return {}; }
    return name === 'jsonpath-plus' ? { JSONPath: query(nativeRequire(name).JSONPath) } : nativeRequire(name);
  };

  const setVirtualTimeout = (callback: () => void, milliseconds: number): AbortController => {
    const timer = new AbortController();
    if (milliseconds < NO_TIMEOUT_SECONDS * 1000) { clock.sleep(milliseconds, timer.signal).then(callback, () => {}); }
    return timer;
  };
  const clearVirtualTimeout = (timer: AbortController | undefined): void => timer?.abort();
  const VirtualDate = new Proxy(Date, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [clock.now()] : args, newTarget) as Date,
    get: (target, key, receiver) => key === 'now' ? () => clock.now() : Reflect.get(target, key, receiver),
  });

  // Chooses the pauses of retries with jitter.
  const SeededMath = new Proxy(Math, { get: (target, key, receiver) => key === 'random' ? random : Reflect.get(target, key, receiver) });

  // Not vm.compileFunction: within Jest, that would give it another realm's Object, and plain objects would not look plain to it.
  const body = `${source}\nreturn { ${inner} };\n//# sourceURL=${LIBRARY}`;
  return new Function('module', 'exports', 'require', 'setTimeout', 'clearTimeout', 'Date', 'Math', body)(
    { exports: {} }, {}, requireFor, setVirtualTimeout, clearVirtualTimeout, VirtualDate, SeededMath);
}

function seededRandom(seed: number): () => number {
  let calls = 0;
  return () => createHash('sha256').update(`${seed}/${calls++}`).digest().readUInt32BE() / 2 ** 32;
}

/** jsonpath-plus says `undefined` for a root that is falsy, and for a path with wildcards that finds nothing. */
function query(JSONPath: (options: Json) => Json): (options: Json) => Json {
  return options => {
    if (options.path === '$') { return options.json; }
    const found = JSONPath(options);
    return found === undefined && /\[(\*|\?|-?\d*:)|\.\.|\.\*/.test(options.path) ? [] : found;
  };
}

function ending(state: Json, stateResult: Json): Json {
  return { stateResult, nextState: state.Next ?? '', isEndState: state.End === true };
}

function limitSize(value: Json, what: string, state: string): void {
  if (Buffer.byteLength(JSON.stringify(value) ?? '') > MAX_BYTES) {
    throw new TerminalError('States.DataLimitExceeded',
      `The state/task '${state}' returned a result with a size exceeding the maximum number of bytes service limit (${what}).`);
  }
}

async function inLanes<T>(items: T[], limit: number, run: (item: T, index: number) => Promise<Json>, signal: AbortSignal): Promise<Json[]> {
  const results: Json[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length && !signal.aborted) {
      const index = next++;
      results[index] = await run(items[index], index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}
