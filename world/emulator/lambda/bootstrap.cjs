'use strict';
/**
 * What the Lambda runtime is to a function: takes invocations from the parent
 * by IPC, one at a time, and runs the handler. Beforehand it replaces the
 * time (./virtual-time.cjs) and where CloudFormation's answers go.
 *
 * To the parent:   sleep {id, milliseconds}, cancel {id}, quiet {seen}, done {payload} or {error}, fatal {error}.
 * From the parent: invoke {event, context, unreachable, deadline}, wake {id}, carried {requests}, time; each with `now` and its `sequence` number.
 */
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const { syncBuiltinESMExports } = require('node:module');
const net = require('node:net');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const virtualTime = require('./virtual-time.cjs');

const [handlerName] = process.argv.slice(2);
const real = { setImmediate, setInterval, clearInterval, setTimeout };
let now = 0;
let seen = 0;

// ---------------------------------------------------------------- time

const sleeps = new Map();
let lastSleep = 0;
let looks = 0;
/** Looks, a millisecond apart, after which an unread socket no longer holds up time. Counted, because a busy machine is slower at each. */
const MOST_LOOKS = 4000;
let watching = false;
/** Requests that are under way in the emulated network. Each has a socket in use, which takes time but does not hold it up. */
let carried = 0;

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const id = ++lastSleep;
    sleeps.set(id, resolve);
    signal?.addEventListener('abort', () => {
      if (sleeps.delete(id)) { process.send({ type: 'cancel', id }); }
      reject(signal.reason);
    }, { once: true });
    process.send({ type: 'sleep', id, milliseconds });
    watchForQuiet();
  });
}

/** Whether anything but timers (and the pipes to the parent) keeps this process alive: sockets in use, files being read … */
function active(ignoreTimers) {
  let ignoredSockets = carried;
  return process.getActiveResourcesInfo().some(kind =>
    !['PipeWrap', 'TTYWrap', 'FileHandle', 'SignalWrap', 'MessagePort'].includes(kind) && !(ignoreTimers && kind === 'Timeout')
    && !(kind === 'TCPSocketWrap' && ignoredSockets-- > 0));
}

/** Tells the parent when whatever does not sleep has nothing more to do: only then may time move on. */
function watchForQuiet() {
  looks = 0;
  if (watching) { return; }
  watching = true;
  let quietTurns = 0;
  const look = () => {
    if (sleeps.size + carried === 0) { watching = false; return; }
    quietTurns = active(true) ? 0 : quietTurns + 1;
    if (quietTurns < 2 && ++looks < MOST_LOOKS) { return void (quietTurns > 0 ? real.setImmediate(look) : real.setTimeout(look, 1)); }
    watching = false;
    process.send({ type: 'quiet', seen });
  };
  real.setImmediate(look);
}

virtualTime.install({ now: () => now, sleep }, globalThis);

// ---------------------------------------------------------------- network

const RESPONSE_HOST = 'cloudformation-custom-resource-response.invalid';
/** An SDK client of this library gives up a connection after that time; the kernel would take longer. */
const CONNECT_MILLISECONDS = 5000;
let unreachable = [];

/** For a service to which no route leads: nobody answers, nobody refuses. */
class Nowhere extends http.Agent {
  createConnection() {
    const socket = Object.assign(new net.Socket(), { connecting: true });
    void sleep(CONNECT_MILLISECONDS).then(() =>
      socket.destroy(Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT', errno: -110, syscall: 'connect' })));
    return socket;
  }
}

const requestHttp = http.request;
http.request = function (...args) {
  const headers = typeof args[0] === 'object' ? args[0].headers : undefined;
  const service = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(headers?.authorization ?? '')?.[1];
  if (unreachable.includes(service)) { args[0] = { ...args[0], agent: new Nowhere() }; }
  return requestHttp.apply(this, args);
};

const request = https.request;
https.request = function (...args) {
  const target = typeof args[0] === 'string' || args[0] instanceof URL ? new URL(args.shift()) : undefined;
  const options = typeof args[0] === 'function' ? {} : args.shift() ?? {};
  if ((options.hostname ?? options.host ?? target?.hostname) !== RESPONSE_HOST) {
    return request.call(this, ...(target ? [target, options] : [options]), ...args);
  }
  const { hostname, port } = new URL(process.env.AWS_ENDPOINT_URL);
  const pathAndQuery = options.path ?? (target ? `${target.pathname}${target.search}` : '/');
  const agent = unreachable.includes('s3') ? new Nowhere() : undefined;
  // Nobody signs it here: CloudFormation did. But an endpoint on the way has a policy for whoever comes by.
  const headers = { ...options.headers, 'x-emulated-caller': process.env.AWS_ACCESS_KEY_ID };
  return requestHttp({ ...options, headers, protocol: 'http:', agent, host: hostname, hostname, port, path: pathAndQuery }, ...args);
};
syncBuiltinESMExports();

// ---------------------------------------------------------------- errors

function describe(error) {
  return error instanceof Error || Object.prototype.toString.call(error) === '[object Error]'
    ? { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') }
    : { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function runtimeError(errorType, message, cause) {
  return { errorType, errorMessage: message, trace: cause?.stack?.split('\n') ?? [] };
}

function fatal(error) {
  if (!process.connected) { process.exit(1); }
  process.send({ type: 'fatal', error: JSON.stringify(error) }, () => process.exit(1));
}

process.on('uncaughtException', error => fatal(describe(error)));
process.on('unhandledRejection', reason => fatal(
  runtimeError('Runtime.UnhandledPromiseRejection', reason instanceof Error ? reason.toString() : String(reason), reason)));
process.on('disconnect', () => process.exit(0));

// ---------------------------------------------------------------- handler

async function load() {
  const [, directory, file, name] = /^(.*\/)?([^/]*?)\.([^/]*)$/.exec(handlerName) ?? [];
  if (!name) { throw runtimeError('Runtime.MalformedHandlerName', `Bad handler: '${handlerName}'`); }

  const base = path.join(process.env.LAMBDA_TASK_ROOT, directory ?? '', file);
  const found = ['.js', '.mjs', '.cjs'].map(extension => base + extension).find(candidate => fs.existsSync(candidate));
  let module;
  try {
    if (!found) { throw Object.assign(new Error(`Cannot find module '${file}'`), { code: 'MODULE_NOT_FOUND' }); }
    module = found.endsWith('.mjs') ? await import(pathToFileURL(found).href) : require(found);
  } catch (error) {
    if (error instanceof SyntaxError) { throw runtimeError('Runtime.UserCodeSyntaxError', error.toString(), error); }
    if (['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'].includes(error?.code)) {
      throw runtimeError('Runtime.ImportModuleError', error.toString(), error);
    }
    throw describe(error);
  }

  const handler = name.split('.').reduce((value, key) => value?.[key], module);
  if (typeof handler !== 'function') { throw runtimeError('Runtime.HandlerNotFound', `${handlerName} is undefined or not exported`); }
  if (handler.length >= 3) {
    throw runtimeError('Runtime.CallbackHandlerDeprecated', 'AWS Lambda has removed support for callback-based function handlers starting with Node.js 24');
  }
  return handler;
}

/** What an unsettled promise does to the real runtime: the event loop runs empty, and Node.js ends. */
function watchForNeverSettling() {
  let idle = 0;
  const timer = real.setInterval(() => {
    idle = sleeps.size + carried === 0 && !active(false) ? idle + 1 : 0;
    if (idle < 10) { return; }
    fatal(runtimeError('Runtime.NodejsExit',
      'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled.'));
  }, 200);
  timer.unref();
  return () => real.clearInterval(timer);
}

let handler;

async function invoke({ event, context, deadline }) {
  try {
    handler ??= await load();
  } catch (error) {
    return fatal(error);
  }

  const stopWatching = watchForNeverSettling();
  let answer;
  try {
    const result = await handler(JSON.parse(event), {
      ...context,
      callbackWaitsForEmptyEventLoop: true,
      getRemainingTimeInMillis: () => Math.max(0, deadline - now),
    });
    answer = { payload: JSON.stringify(result === undefined ? null : result) };
  } catch (error) {
    answer = { error: JSON.stringify(describe(error)) };
  }
  stopWatching();
  // So that the parent knows when it has read all output of this invocation.
  for (const stream of [process.stdout, process.stderr]) { stream.write(`\u0000${context.awsRequestId}\n`); }
  process.send({ type: 'done', ...answer });
}

process.on('message', message => {
  now = message.now;
  seen = message.sequence;
  if (message.type === 'invoke') {
    unreachable = message.unreachable;
    void invoke(message);
  }
  if (message.type === 'wake') {
    const wake = sleeps.get(message.id);
    sleeps.delete(message.id);
    wake?.();
  }
  if (message.type === 'carried') { carried = message.requests; }
  if (sleeps.size + carried > 0) { watchForQuiet(); }
});
