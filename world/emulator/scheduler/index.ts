import type { Clock } from '../clock';
import { arn } from '../environment';
import { Principal } from '../iam';
import { ServiceError, type Answer, type Call, type Service } from '../service';

interface Target {
  readonly Arn: string;
  readonly RoleArn: string;
  readonly Input?: string;
}

/** A one-time schedule. */
export interface Schedule {
  readonly Name: string;
  readonly GroupName: string;
  readonly ScheduleExpression: string;
  readonly ActionAfterCompletion: string;
  readonly Target: Target;
}

interface Entry {
  schedule: Schedule;
  due: number;
  cancel: () => void;
}

/**
 * Amazon EventBridge Scheduler, as far as one-time schedules in UTC with
 * functions as targets go. They fire when the emulated time gets there, and
 * do not make it go by.
 */
export class Scheduler implements Service {
  public readonly signingName = 'scheduler';
  public readonly groups = new Set(['default']);
  private readonly entries = new Map<string, Entry>();

  /** `invoke` refuses a principal that may not. */
  constructor(private readonly clock: Clock, private readonly invoke: (functionArn: string, payload: unknown, as: Principal) => void) {}

  /** Who a role is; whoever plays IAM sets it. */
  public assume: (roleArn: string) => Principal = () => Principal.ADMIN;

  /** Those that still wait. */
  public get schedules(): Schedule[] {
    return [...this.entries.values()].map(({ schedule }) => schedule);
  }

  /** Its schedules go with it. */
  public deleteGroup(name: string): void {
    this.groups.delete(name);
    for (const [key, { schedule, cancel }] of this.entries) {
      if (schedule.GroupName === name) { cancel(); this.entries.delete(key); }
    }
  }

  public operation({ method, path }: Call): string {
    if (!/^\/schedules\/[^/]+$/.test(path)) { return ''; }
    return { POST: 'CreateSchedule', GET: 'GetSchedule', PUT: 'UpdateSchedule', DELETE: 'DeleteSchedule' }[method] ?? '';
  }

  public async handle(call: Call): Promise<Answer> {
    const operation = this.operation(call);
    if (operation === '') { throw new ServiceError('UnknownOperationException', 404, `the emulated scheduler does not know ${call.method} ${call.path}`); }
    const body = JSON.parse(call.body.toString() || '{}') as Partial<Schedule>;
    const name = decodeURIComponent(call.path.split('/')[2]);
    const group = call.query.get('groupName') ?? body.GroupName ?? 'default';
    const key = `${group}/${name}`;
    const scheduleArn = arn('scheduler', `schedule/${key}`);
    call.authorize(`scheduler:${operation}`, scheduleArn);
    if (!/^[0-9a-zA-Z-_.]{1,64}$/.test(name)) { throw invalid(`Invalid schedule name ${name}`); }
    if (!this.groups.has(group)) { throw missing(`Schedule group ${group} does not exist.`); }

    if (operation === 'CreateSchedule') {
      if (this.entries.has(key)) { throw new ServiceError('ConflictException', 409, `Schedule ${name} already exists.`); }
      this.put(call, key, { ...body, Name: name, GroupName: group });
      return json({ ScheduleArn: scheduleArn });
    }
    const entry = this.entries.get(key);
    if (!entry) { throw missing(`Schedule ${name} does not exist.`); }
    switch (operation) {
      case 'GetSchedule':
        return json({ Arn: scheduleArn, State: 'ENABLED', ...entry.schedule });
      case 'UpdateSchedule':
        // What the request leaves out gets its default, not its present value.
        this.put(call, key, { ...body, Name: name, GroupName: group });
        return json({ ScheduleArn: scheduleArn });
      default:
        entry.cancel();
        this.entries.delete(key);
        return json({});
    }
  }

  public refuse({ code, status, message }: ServiceError): Answer {
    return { status, headers: { 'content-type': 'application/json', 'x-amzn-errortype': code }, body: JSON.stringify({ Message: message }) };
  }

  private put(
    call: Call, key: string, body: Partial<Schedule> & { FlexibleTimeWindow?: { Mode?: string }; ScheduleExpressionTimezone?: string },
  ): void {
    const { ScheduleExpression, Target: target, FlexibleTimeWindow: window, ActionAfterCompletion = 'NONE' } = body;
    const zone = body.ScheduleExpressionTimezone ?? 'UTC';
    const time = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$/.exec(ScheduleExpression ?? '')?.[1];
    if (!time || zone !== 'UTC') { throw invalid(`Invalid Schedule Expression ${ScheduleExpression} (the emulator knows at(…) in UTC).`); }
    if (window?.Mode !== 'OFF') { throw invalid('the emulator knows FlexibleTimeWindow OFF only'); }
    if (!target?.Arn || !target.RoleArn) { throw invalid('Target needs Arn and RoleArn'); }
    if (target.Input !== undefined) { JSON.parse(target.Input); }
    const due = Date.parse(`${time}Z`);
    if (due <= this.clock.now()) { throw invalid('Invalid Schedule Expression: the time is in the past'); }
    call.authorize('iam:PassRole', target.RoleArn, { 'iam:PassedToService': 'scheduler.amazonaws.com' });
    this.checkTrust(target.RoleArn);

    this.entries.get(key)?.cancel();
    const schedule = { Name: body.Name!, GroupName: body.GroupName!, ScheduleExpression: ScheduleExpression!, ActionAfterCompletion, Target: target };
    this.entries.set(key, { schedule, due, cancel: this.clock.wakeAt(due, () => this.fire(key)) });
  }

  /** Scheduler tries the role at once, and sees the trust of a new one as late as every service. */
  private checkTrust(roleArn: string): void {
    try {
      this.assume(roleArn);
    } catch {
      throw invalid('The execution role you provide must allow AWS EventBridge Scheduler to assume the role.');
    }
  }

  private fire(key: string): void {
    const { schedule: { Target: target, ActionAfterCompletion } } = this.entries.get(key)!;
    this.invoke(target.Arn, JSON.parse(target.Input ?? '{}'), this.assume(target.RoleArn));
    if (ActionAfterCompletion === 'DELETE') { this.entries.delete(key); }
  }
}

function invalid(message: string): ServiceError {
  return new ServiceError('ValidationException', 400, message);
}

function missing(message: string): ServiceError {
  return new ServiceError('ResourceNotFoundException', 404, message);
}

function json(body: object): Answer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
