import { Box, Code, Stack, Text } from '@mantine/core'
import { formatValue } from '../agent-logs/format-run.ts'
import classes from './approvals.module.css'
import { isObject, titleOf } from './editable-schema.ts'
import { showInvisible } from './show-invisible.ts'

interface InputViewProps {
  input: unknown
  schema?: unknown
  depth?: number
}

/** Deeper values are shown as JSON. */
const maxDepth = 2

/** The input of a call to read: every field with its value, nothing left out. */
export function InputView({ input, schema, depth = 0 }: InputViewProps) {
  if (!isObject(input)) return <Value value={input} label="Input" depth={depth} />
  const fields = isObject(schema) && isObject(schema.properties) ? schema.properties : {}
  // In the order of the tool, which puts what matters first; the database keeps none.
  const order = Object.keys(fields)
  const placeOf = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length)
  const entries = Object.entries(input).sort(([a], [b]) => placeOf(a) - placeOf(b))
  if (entries.length === 0)
    return (
      <Text size="sm" c="dimmed">
        Without any input.
      </Text>
    )
  return (
    <dl className={classes.input}>
      {entries.map(([name, value]) => {
        const field = fields[name]
        const title = isObject(field) && typeof field.title === 'string' ? field.title : titleOf(name)
        return (
          <div key={name} className={classes.field}>
            <Text component="dt" size="sm" c="dimmed">
              {showInvisible(title)}
            </Text>
            <Box component="dd" m={0} miw={0}>
              <Value value={value} label={title} schema={field} depth={depth + 1} />
            </Box>
          </div>
        )
      })}
    </dl>
  )
}

function Value({ value, label, schema, depth }: { value: unknown; label: string; schema?: unknown; depth: number }) {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string' || typeof item === 'number')) {
    return (
      <Stack gap={2}>
        {value.length === 0 && <Plain>(none)</Plain>}
        {value.map((item, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the list is only read
          <Plain key={index}>{String(item)}</Plain>
        ))}
      </Stack>
    )
  }
  if (value === null || value === '') return <Plain>(empty)</Plain>
  if (isObject(value) && Object.keys(value).length > 0 && depth < maxDepth)
    return <InputView input={value} schema={schema} depth={depth} />
  if (typeof value === 'object') {
    return (
      <Code
        block
        mah={240}
        tabIndex={0}
        role="group"
        aria-label={label}
        style={{ overflow: 'auto', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}
      >
        {showInvisible(formatValue(value))}
      </Code>
    )
  }
  return <Plain>{typeof value === 'boolean' ? (value ? 'Yes' : 'No') : String(value)}</Plain>
}

function Plain({ children }: { children: string }) {
  return (
    <Text size="sm" className={classes.value}>
      {showInvisible(children)}
    </Text>
  )
}
