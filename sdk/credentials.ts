/** Fields whose value is a credential, or leads to one; lower case. Nobody logs what they hold. */
export const credentialFields: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
  'x-apig-appcode',
  'x-auth-token',
  'x-ca-proxy-signature',
  'x-ca-signature',
  'x-hw-appkey',
  'x-security-token',
  'x-subject-token',
]);

/** What is logged instead. */
export const redacted = '[redacted]';
