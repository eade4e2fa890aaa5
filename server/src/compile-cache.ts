import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

// Compiled code is kept beside the packages it comes from, which saves a quarter of the processor time of a start. Only for
// what is imported after this module has run. Where the folder cannot be written, Node goes on without.
enableCompileCache(join(import.meta.dirname, '../../node_modules/.cache/agentexpress'))
