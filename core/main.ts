#!/usr/bin/env node
import './code-cache.ts';

await import('./cli.ts');
