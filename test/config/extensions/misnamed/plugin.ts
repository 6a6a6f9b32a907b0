import { definePlugin } from 'tapgate/sdk';

export default definePlugin({ name: 'misnamed', summary: 'Has another name.', bind: () => ({}) });
