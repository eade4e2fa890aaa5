import { Code, MultiSelect, NumberInput, PasswordInput, Select, Switch, Textarea, TextInput } from '@mantine/core'
import type { RegistryWidgetsType, RJSFSchema, WidgetProps } from '@rjsf/utils'
import type { ReactNode } from 'react'
import type { FormValue } from './form-value.ts'

type Props = WidgetProps<FormValue, RJSFSchema>

/** What every field has: its question, its help and its fault, linked for screen readers by the component. */
function common(props: Props) {
  const { id, hideLabel, required, disabled, readonly, schema, rawErrors } = props
  const label = labelOf(props)
  return {
    id,
    name: id,
    label: hideLabel ? undefined : label,
    'aria-label': hideLabel ? label : undefined,
    description: schema.description && describe(schema.description),
    withAsterisk: required,
    'aria-required': required || undefined,
    disabled: disabled || readonly,
    error: rawErrors && rawErrors.length > 0 ? rawErrors.join(' ') : undefined,
    // The marks of the form say what is missing; the browser's own bubbles would speak another language and stop the sending.
    required: false,
  }
}

/** Entries of a list come with the question of the list and a number; what one entry is called says more. */
function labelOf({ label, schema }: Props): string {
  const [, number] = /-(\d+)$/.exec(label) ?? []
  return schema.title && label !== schema.title && number ? `${schema.title} ${number}` : label
}

/** Help texts set names and values in backticks, as Markdown does. */
function describe(text: string): ReactNode {
  const parts = text.split('`')
  if (parts.length < 3) return text
  return parts.map((part, index) => {
    // biome-ignore lint/suspicious/noArrayIndexKey: the text of a field never changes
    return index % 2 === 1 ? <Code key={index}>{part}</Code> : part
  })
}

function typed(text: string): string | undefined {
  return text === '' ? undefined : text
}

const inputTypes: Record<string, 'email' | 'url' | 'date' | 'time'> = {
  email: 'email',
  uri: 'url',
  date: 'date',
  time: 'time',
}

function TextWidget(props: Props) {
  const { schema, value, onChange } = props
  if (schema.type === 'number' || schema.type === 'integer') {
    return (
      <NumberInput
        {...common(props)}
        value={typeof value === 'number' || typeof value === 'string' ? value : ''}
        onChange={(next) => onChange(next === '' ? undefined : next)}
        allowDecimal={schema.type === 'number'}
        maw={240}
      />
    )
  }
  const type = inputTypes[schema.format ?? '']
  return (
    <TextInput
      {...common(props)}
      type={type ?? 'text'}
      value={typeof value === 'string' ? value : ''}
      onChange={(event) => onChange(typed(event.currentTarget.value))}
      maw={type === 'date' || type === 'time' ? 240 : undefined}
    />
  )
}

/** What a server gave out, not the password of this site: no browser should offer that here, nor keep this. */
function PasswordWidget(props: Props) {
  const { value, onChange, label } = props
  return (
    <PasswordInput
      {...common(props)}
      value={typeof value === 'string' ? value : ''}
      onChange={(event) => onChange(typed(event.currentTarget.value))}
      autoComplete="new-password"
      spellCheck={false}
      visibilityToggleButtonProps={{ 'aria-label': `Show or hide: ${label}`, tabIndex: 0 }}
    />
  )
}

function TextareaWidget(props: Props) {
  const { value, onChange } = props
  return (
    <Textarea
      {...common(props)}
      value={typeof value === 'string' ? value : ''}
      onChange={(event) => onChange(typed(event.currentTarget.value))}
      autosize
      minRows={3}
      maxRows={18}
    />
  )
}

function CheckboxWidget(props: Props) {
  const { value, onChange } = props
  const { withAsterisk: _, ...rest } = common(props)
  return <Switch {...rest} checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} />
}

/** Choices keep their JSON type; the component itself only knows text. */
function SelectWidget(props: Props) {
  const { value, onChange, options, multiple, required, schema } = props
  const choices = options.enumOptions ?? []
  const titles = (schema as { enum_titles?: Record<string, string> }).enum_titles ?? {}
  const data = choices.map((choice, index) => ({
    value: String(index),
    label: titles[String(choice.value)] ?? choice.label,
  }))
  const indexOf = (wanted: unknown) => String(choices.findIndex((choice) => choice.value === wanted))
  if (multiple) {
    const chosen = Array.isArray(value) ? value.map(indexOf) : []
    return (
      <MultiSelect
        {...common(props)}
        data={data}
        value={chosen}
        onChange={(next) => onChange(next.map((index) => choices[Number(index)]?.value))}
      />
    )
  }
  return (
    <Select
      {...common(props)}
      data={data}
      value={value === undefined ? null : indexOf(value)}
      onChange={(next) => onChange(next === null ? undefined : choices[Number(next)]?.value)}
      clearable={!required}
      allowDeselect={!required}
      searchable={data.length > 10}
      placeholder="Choose"
    />
  )
}

export const widgets: RegistryWidgetsType<FormValue, RJSFSchema> = {
  TextWidget,
  PasswordWidget,
  EmailWidget: TextWidget,
  URLWidget: TextWidget,
  DateWidget: TextWidget,
  TimeWidget: TextWidget,
  UpDownWidget: TextWidget,
  TextareaWidget,
  CheckboxWidget,
  SelectWidget,
  CheckboxesWidget: SelectWidget,
  RadioWidget: SelectWidget,
}
