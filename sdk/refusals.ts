/** What a refusal of one kind looks like on the wire unless the group's gateway response says otherwise. */
export interface RefusalKindFacts {
  /** Gateway-response type (Huawei guide, table 3-2): what an operator customises. */
  readonly type: string;
  readonly status: number;
  /** Huawei code (guide 4.3.3). */
  readonly code: string;
  readonly message: string;
  /** Alibaba code (letter, status, two letters). */
  readonly alibabaCode: string;
}

function kind(
  type: string,
  status: number,
  code: string,
  message: string,
  alibabaCode: string,
): RefusalKindFacts {
  return { type, status, code, message, alibabaCode };
}

/**
 * Every kind of refusal there is: one table, so that a caller meets one vocabulary. Codes are the vendors' own
 * (Huawei guide 4.3.3 and Alibaba error codes); a retired kind's code is never given to another meaning.
 */
export const refusalKinds = {
  'not-found': kind(
    'NOT_FOUND',
    404,
    'APIG.0101',
    'The API does not exist or has not been published in the environment.',
    'I404NF',
  ),
  'bad-request': kind('DEFAULT_4XX', 400, 'APIG.0602', 'Bad request.', 'I400HD'),
  'bad-parameters': kind('REQUEST_PARAMETERS_FAILURE', 400, 'APIG.0201', 'API request error.', 'I400PA'),
  'bad-body': kind(
    'REQUEST_PARAMETERS_FAILURE',
    400,
    'APIG.0201',
    'The content of the request is not valid.',
    'I400BD',
  ),
  'media-type-not-supported': kind(
    'DEFAULT_4XX',
    415,
    'APIG.0201',
    'The media type of the content is not supported.',
    'I400CT',
  ),
  'protocol-not-supported': kind('DEFAULT_4XX', 400, 'APIG.0607', 'The protocol is not supported.', 'I403PT'),
  'body-too-large': kind('DEFAULT_4XX', 413, 'APIG.0201', 'Request entity too large.', 'I413RL'),
  'uri-too-large': kind('DEFAULT_4XX', 414, 'APIG.0201', 'Request URI too large.', 'I413UL'),
  'headers-too-large': kind('DEFAULT_4XX', 494, 'APIG.0201', 'Request headers too large.', 'I400HD'),
  'request-timeout': kind('DEFAULT_4XX', 408, 'APIG.0201', 'The request did not arrive in time.', 'I400BD'),
  'misdirected-request': kind(
    'DEFAULT_4XX',
    421,
    'APIG.0602',
    'This connection was not made for the domain; make another one.',
    'I400HD',
  ),
  'expectation-failed': kind('DEFAULT_4XX', 417, 'APIG.0602', 'Unknown expectation.', 'I400HD'),
  'not-authenticated': kind(
    'UNAUTHORIZED',
    401,
    'APIG.0305',
    'Incorrect authentication information.',
    'A400MA',
  ),
  'app-auth-missing': kind(
    'AUTH_HEADER_MISSING',
    401,
    'APIG.0303',
    'Incorrect app authentication information.',
    'A400MA',
  ),
  'app-auth-unknown-key': kind(
    'AUTH_FAILURE',
    401,
    'APIG.0303',
    'Incorrect app authentication information.',
    'A400IK',
  ),
  'app-auth-failed': kind(
    'AUTH_FAILURE',
    401,
    'APIG.0303',
    'Incorrect app authentication information.',
    'A403IS',
  ),
  'app-auth-header-invalid': kind(
    'AUTH_FAILURE',
    401,
    'APIG.0303',
    'Incorrect app authentication information: Invalid Header',
    'I400HD',
  ),
  'app-auth-timestamp-expired': kind(
    'AUTH_FAILURE',
    401,
    'APIG.0303',
    'Incorrect app authentication information: Timestamp Expired',
    'A403TE',
  ),
  'app-auth-nonce-missing': kind(
    'AUTH_HEADER_MISSING',
    401,
    'APIG.0303',
    'Incorrect app authentication information: X-Ca-Nonce and X-Ca-Timestamp are required, both signed',
    'I400NC',
  ),
  'app-auth-nonce-used': kind(
    'AUTH_FAILURE',
    401,
    'APIG.0303',
    'Incorrect app authentication information: Nonce Used',
    'A403NU',
  ),
  'app-auth-content-md5': kind(
    'AUTH_FAILURE',
    401,
    'APIG.0303',
    'Incorrect app authentication information: Invalid Content-MD5',
    'I400I5',
  ),
  'iam-auth-missing': kind(
    'AUTH_HEADER_MISSING',
    401,
    'APIG.0301',
    'Incorrect IAM authentication information.',
    'A400MA',
  ),
  'iam-auth-failed': kind(
    'AUTH_FAILURE',
    401,
    'APIG.0301',
    'Incorrect IAM authentication information.',
    'A403IS',
  ),
  'iam-token-expired': kind('AUTH_FAILURE', 401, 'APIG.0307', 'The token must be updated.', 'A403TE'),
  'iam-unavailable': kind(
    'DEFAULT_5XX',
    503,
    'APIG.0613',
    'The IAM service is currently unavailable.',
    'X500ER',
  ),
  'iam-admin-token': kind('DEFAULT_5XX', 500, 'APIG.0608', 'Failed to obtain the admin token.', 'X500ER'),
  'authorizer-identity-missing': kind(
    'AUTHORIZER_IDENTITIES_FAILURE',
    401,
    'APIG.0305',
    'Incorrect authentication information.',
    'A400MA',
  ),
  'authorizer-denied': kind(
    'AUTHORIZER_FAILURE',
    401,
    'APIG.0305',
    'Incorrect authentication information.',
    'A403IS',
  ),
  'authorizer-unusable': kind(
    'AUTHORIZER_CONF_FAILURE',
    500,
    'APIG.0601',
    'Internal server error.',
    'X500ER',
  ),
  'jwt-missing': kind(
    'JWT_AUTH_FAILURE',
    401,
    'APIG.0305',
    'Incorrect authentication information: a token is required.',
    'A400MA',
  ),
  'jwt-failed': kind(
    'JWT_AUTH_FAILURE',
    401,
    'APIG.0305',
    'Incorrect authentication information: the token is not valid.',
    'A401OT',
  ),
  'basic-auth-missing': kind(
    'AUTH_HEADER_MISSING',
    401,
    'APIG.0305',
    'Incorrect authentication information: a user name and a password are required.',
    'A400MA',
  ),
  'basic-auth-failed': kind(
    'AUTH_FAILURE',
    401,
    'APIG.0305',
    'Incorrect authentication information: the user name or the password is wrong.',
    'A403PR',
  ),
  'third-auth-failed': kind(
    'THIRD_AUTH_FAILURE',
    401,
    'APIG.0312',
    'Third-party authentication failed.',
    'A403PR',
  ),
  'third-auth-identity-missing': kind(
    'THIRD_AUTH_IDENTITIES_FAILURE',
    401,
    'APIG.0313',
    'Third-party authentication failed: identity information is missing.',
    'A400MA',
  ),
  'third-auth-blocked': kind(
    'THIRD_AUTH_FAILURE',
    403,
    'APIG.0314',
    'Third-party authentication failed too often from this address.',
    'A403PR',
  ),
  'third-auth-no-channel': kind(
    'THIRD_AUTH_CONF_FAILURE',
    500,
    'APIG.0615',
    'The channel of the third-party authentication has no live member.',
    'D504CO',
  ),
  'third-auth-unreachable': kind(
    'THIRD_AUTH_CONF_FAILURE',
    500,
    'APIG.0616',
    'The third-party authentication service cannot be reached.',
    'D504CO',
  ),
  'third-auth-bad-answer': kind(
    'THIRD_AUTH_CONF_FAILURE',
    500,
    'APIG.0617',
    'The third-party authentication service gave no usable answer.',
    'X500ER',
  ),
  'oidc-token-failed': kind(
    'OIDC_AUTH_TOKEN_VERIFY_FAIL',
    401,
    'APIG.0305',
    'Incorrect authentication information: the token is not valid.',
    'A401OT',
  ),
  'oidc-discovery-failed': kind(
    'OIDC_AUTH_GET_DISCOVERY_ERROR',
    500,
    'APIG.0616',
    'The identity provider cannot be reached.',
    'D504CO',
  ),
  'oidc-code-flow-failed': kind(
    'OIDC_AUTH_CODE_FLOW_FAIL',
    401,
    'APIG.0305',
    'Incorrect authentication information: signing in failed.',
    'A403PR',
  ),
  'access-denied': kind('ACCESS_DENIED', 403, 'APIG.0306', 'API access denied.', 'A403AC'),
  'app-not-authorized': kind(
    'UNAUTHORIZED',
    403,
    'APIG.0304',
    'The app is not authorized to access the API.',
    'I403AA',
  ),
  'client-certificate-required': kind(
    'ACCESS_DENIED',
    403,
    'APIG.0306',
    'API access denied: the domain requires a client certificate of one of its authorities, over HTTPS.',
    'A403AC',
  ),
  'account-not-allowed': kind(
    'ACCESS_DENIED',
    403,
    'APIG.0302',
    'The IAM user is not authorized to access the API.',
    'A403AC',
  ),
  'client-address-unknown': kind('ACCESS_DENIED', 403, 'APIG.0401', 'Unknown client IP address.', 'A403IP'),
  'ip-not-allowed': kind(
    'ACCESS_DENIED',
    403,
    'APIG.0402',
    'The IP address is not authorized to access the API.',
    'A403IP',
  ),
  throttled: kind('THROTTLED', 429, 'APIG.0308', 'The throttling threshold has been reached.', 'T429PA'),
  'backend-unavailable': kind('BACKEND_UNAVAILABLE', 502, 'APIG.0201', 'Backend unavailable.', 'D504CO'),
  'backend-timeout': kind('BACKEND_TIMEOUT', 504, 'APIG.0201', 'Backend timeout.', 'D504TO'),
  'backend-name-unresolved': kind(
    'DEFAULT_5XX',
    500,
    'APIG.0605',
    'Domain name resolution failed.',
    'D504CO',
  ),
  'backend-no-member': kind('BACKEND_UNAVAILABLE', 502, 'APIG.0610', 'No backend available.', 'D504CO'),
  'circuit-open': kind(
    'BACKEND_UNAVAILABLE',
    503,
    'APIG.0202',
    'Backend unavailable: the circuit breaker is open.',
    'D503CB',
  ),
  'backend-incomplete': kind(
    'DEFAULT_5XX',
    504,
    'APIG.0105',
    'The backend configurations do not exist.',
    'I504RB',
  ),
  'function-failed': kind('DEFAULT_5XX', 500, 'APIG.0201', 'An unexpected error occurred.', 'X500ER'),
  'function-busy': kind('DEFAULT_5XX', 503, 'APIG.0201', 'Backend unavailable.', 'D503BB'),
  'self-call-loop': kind('DEFAULT_5XX', 500, 'APIG.0612', 'An API cannot call itself.', 'X500ER'),
  'signature-failed': kind(
    'DEFAULT_5XX',
    500,
    'APIG.0705',
    'Backend signature calculation failed.',
    'X500ER',
  ),
  'state-unavailable': kind('DEFAULT_5XX', 503, 'APIG.0601', 'Internal server error.', 'X500ER'),
  internal: kind('DEFAULT_5XX', 500, 'APIG.0601', 'Internal server error.', 'X500ER'),
} as const satisfies Record<string, RefusalKindFacts>;

export type RefusalKind = keyof typeof refusalKinds;

/** What may be said beside the kind. Everything here can reach the caller: never put a secret in it. */
export interface RefusalDetails {
  /** Replaces the kind's message. */
  readonly message?: string;
  /** Replaces the kind's status, where a vendor's document lets the operator choose one. */
  readonly status?: number;
  /** Fields added to the answer, for example `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The short cause for the log; not sent. */
  readonly cause?: string;
  /** Set by the HTTP client when nothing of the request has left: whatever it asks for, another server may be asked. */
  readonly isUnsent?: boolean;
}

/** A request that is answered by the gateway instead of the backend, and why. */
export interface Refusal extends RefusalDetails {
  readonly kind: RefusalKind;
}
