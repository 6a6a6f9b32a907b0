// Runs in the isolate: makes `(event, context)` and `(event, context, callback)` of FunctionGraph out of one call.
return (exported, { line }) => {
  const handler = exported?.handler ?? exported?.default?.handler;
  if (typeof handler !== 'function') throw new Error('it exports no function `handler`');
  const contextOf = ({ requestId, name, memoryMb, timeoutMs, userData }) => {
    const startedAt = Date.now();
    const logger = {};
    for (const level of ['info', 'warn', 'error']) logger[level] = (...values) => line(level, values);
    logger.debug = logger.info;
    return Object.freeze({
      getRequestID: () => requestId,
      getRemainingTimeInMilliSeconds: () => Math.max(0, timeoutMs - (Date.now() - startedAt)),
      getRunningTimeInSeconds: () => Math.ceil(timeoutMs / 1000),
      getFunctionName: () => name,
      getUserData: (key) => (Object.hasOwn(userData, key) ? userData[key] : null),
      getMemorySize: () => memoryMb,
      getCPUNumber: () => 1,
      getVersion: () => 'latest',
      getAlias: () => '',
      getPackage: () => 'default',
      getProjectID: () => '',
      getTraceID: () => requestId,
      // There is no agency whose credentials a function could have.
      getAccessKey: () => '',
      getSecretKey: () => '',
      getSecurityAccessKey: () => '',
      getSecuritySecretKey: () => '',
      getSecurityToken: () => '',
      getToken: () => '',
      getLogger: () => logger,
    });
  };
  return ({ event, call }) => {
    const context = contextOf(call);
    if (handler.length < 3) return handler(event, context);
    return new Promise((resolve, reject) => {
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- whatever the handler calls an error
      const callback = (error, answer) => (error === null || error === undefined ? resolve(answer) : reject(error));
      const answer = handler(event, context, callback);
      // An async handler that declares a callback and does not use it.
      if (typeof answer?.then === 'function') answer.then((value) => value !== undefined && resolve(value), reject);
    });
  };
};
