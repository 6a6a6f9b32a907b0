// The example of README.md.
exports.handler = async (event, context) => ({
  statusCode: 200,
  headers: { 'content-type': 'text/plain' },
  isBase64Encoded: false,
  body: `hello ${event.pathParameters.name} of ${context.getUserData('realm')}`,
});
