import { Matching, OneOf, Options, type Static, Type } from '#sdk';

const port = Type.Integer({ minimum: 1, maximum: 65_535 });

const MemberSchema = Options({
  address: Matching('^[A-Za-z0-9:][A-Za-z0-9._:-]{0,253}$', 'an IP address or a host name, without a port', {
    description: 'An IP address, or a name, all of whose addresses are used.',
  }),
  port: Type.Optional({ ...port, description: "The channel's when absent." }),
  weight: Type.Integer({
    minimum: 0,
    maximum: 10_000,
    default: 1,
    description: 'Its share of the requests; 0 for none.',
  }),
  backup: Type.Boolean({
    default: false,
    description: 'Whether it is used only while no other member is live.',
  }),
  enabled: Type.Boolean({ default: true, description: 'Whether it is used and checked at all.' }),
  group: Type.Optional(Type.String({ minLength: 1, description: 'A name under `groups`.' })),
});

const GroupSchema = Options({
  weight: Type.Integer({
    minimum: 0,
    maximum: 100,
    default: 1,
    description: 'Its share of the requests of APIs that name no `memberGroup`; 0 for none.',
  }),
});

const HealthCheckSchema = Options({
  protocol: OneOf(['tcp', 'http', 'https'], {
    default: 'tcp',
    description: 'What a check does: open a connection, or send a request.',
  }),
  path: Type.Optional(
    Matching('^/[!-~]*$', 'a path, which starts with /, of visible ASCII characters', {
      description: 'What is asked for; not for `tcp`. `/` when absent.',
    }),
  ),
  method: Type.Optional(OneOf(['GET', 'HEAD'], { description: 'Not for `tcp`. `GET` when absent.' })),
  port: Type.Optional({ ...port, description: "Where checks go to; the member's own port when absent." }),
  healthyThreshold: Type.Integer({
    minimum: 1,
    maximum: 10,
    default: 2,
    description: 'Good checks in a row that make a member healthy.',
  }),
  unhealthyThreshold: Type.Integer({
    minimum: 1,
    maximum: 10,
    default: 5,
    description: 'Failed checks in a row that make a member unhealthy.',
  }),
  timeoutSeconds: Type.Integer({
    minimum: 1,
    maximum: 30,
    default: 5,
    description: 'A check that takes longer has failed. Less than `intervalSeconds`.',
  }),
  intervalSeconds: Type.Integer({
    minimum: 1,
    maximum: 300,
    default: 10,
    description: 'From the start of one check to that of the next.',
  }),
  statusCodes: Type.Optional(
    Type.Union([Type.String({ minLength: 1 }), Type.Integer({ minimum: 100, maximum: 599 })], {
      description: 'Good answers, such as `200,201,210-299`; not for `tcp`. `200` when absent.',
    }),
  ),
});

const EjectionSchema = Options({
  failures: Type.Integer({
    minimum: 0,
    maximum: 1000,
    default: 5,
    description:
      'Calls failed in a row (no connection, connection lost, timeout) that eject a member; 0: none do.',
  }),
  seconds: Type.Integer({
    minimum: 1,
    maximum: 3600,
    default: 10,
    description: 'How long it is left out. One request then tries it: it returns, or is left out again.',
  }),
});

const ChannelSchema = Options({
  algorithm: OneOf(['weighted-round-robin', 'weighted-least-connection', 'source-hash', 'uri-hash'], {
    default: 'weighted-round-robin',
    description:
      'Who gets a request: in turn, the least busy, or always the same for a client address or a path.',
  }),
  port: Type.Optional({ ...port, description: 'For members that name none.' }),
  members: Type.Optional(Type.Array(MemberSchema, { minItems: 1, description: 'Who does the work.' })),
  groups: Type.Optional(
    Type.Record(Type.String({ pattern: '^\\S(.*\\S)?$' }), GroupSchema, {
      description: 'Parts of the members, by name. Where there are any, each member is in one of them.',
    }),
  ),
  elb: Type.Optional(
    Matching('^[A-Za-z0-9\\[][A-Za-z0-9._\\[\\]:-]{0,259}$', 'host or host:port of a load balancer', {
      description: 'The address of another load balancer, instead of `members`.',
    }),
  ),
  healthCheck: Type.Optional(HealthCheckSchema),
  ejection: { ...EjectionSchema, default: {} },
  resolveSeconds: Type.Integer({
    minimum: 1,
    maximum: 86_400,
    default: 30,
    description: 'How often the names of members are looked up.',
  }),
});

/** The section `channels`. */
export const ChannelsSchema = Type.Record(Type.String({ pattern: '^\\S(.*\\S)?$' }), ChannelSchema, {
  description: 'Servers that do the same work, by name.',
});

export type ChannelConfig = Static<typeof ChannelSchema>;
export type MemberConfig = Static<typeof MemberSchema>;
export type EjectionConfig = Static<typeof EjectionSchema>;
export type HealthCheckConfig = Static<typeof HealthCheckSchema>;
export type Algorithm = ChannelConfig['algorithm'];
