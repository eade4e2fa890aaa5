import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api } from '../../api.ts'
import { Time } from '../../ui/time.tsx'
import { toastDone, toastError } from '../../ui/toast.ts'
import { Failure } from '../action-dialog.tsx'
import { type AdminModel, adminModelsQuery } from './models-page.tsx'
import { parsePrice, priceWords } from './price-words.ts'

/** List price and own price of a model; the own one is changed where it stands. */
export function ModelPrice({ model }: { model: AdminModel }) {
  const [isEditing, setIsEditing] = useState(false)
  const queryClient = useQueryClient()
  const reset = useMutation({
    mutationFn: () => api('DELETE /api/v1/admin/models/prices/:model', { params: { model: model.id } }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: adminModelsQuery.queryKey })
      toastDone(`${model.label} has its list price again.`)
    },
    onError: toastError,
  })
  if (isEditing) return <PriceForm model={model} onEnd={() => setIsEditing(false)} />
  return (
    <Stack gap={4} flex="1 1 260px" maw={420}>
      <Text size="sm">List price: {priceWords(model.list_price)}</Text>
      <Text size="sm" fw={model.own_price ? 600 : undefined}>
        Own price: {model.own_price ? priceWords(model.own_price) : 'none set'}
        {model.own_price_set_at && (
          <Text span size="xs" c="dimmed" fw={400}>
            {' '}
            (<Time value={model.own_price_set_at} />)
          </Text>
        )}
      </Text>
      <Group gap="xs" mt={4}>
        <Button
          size="xs"
          variant="default"
          onClick={() => setIsEditing(true)}
          aria-label={`${model.own_price ? 'Change' : 'Set own price'} of ${model.label}`}
        >
          {model.own_price ? 'Change' : 'Set own price'}
        </Button>
        {model.own_price && (
          <Button
            size="xs"
            variant="subtle"
            onClick={() => reset.mutate()}
            loading={reset.isPending}
            aria-label={`${model.list_price ? 'Use the list price' : 'Take it away'} of ${model.label}`}
          >
            {model.list_price ? 'Use the list price' : 'Take it away'}
          </Button>
        )}
      </Group>
    </Stack>
  )
}

function PriceForm({ model, onEnd }: { model: AdminModel; onEnd: () => void }) {
  const present = model.own_price ?? model.list_price
  const [input, setInput] = useState(present ? String(present.input_usd) : '')
  const [output, setOutput] = useState(present ? String(present.output_usd) : '')
  const [isChecked, setIsChecked] = useState(false)
  const queryClient = useQueryClient()
  const prices = { input_usd: parsePrice(input), output_usd: parsePrice(output) }
  const save = useMutation({
    mutationFn: (body: { input_usd: number; output_usd: number }) =>
      api('PUT /api/v1/admin/models/prices/:model', { params: { model: model.id }, body }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: adminModelsQuery.queryKey })
      toastDone(`Runs on ${model.label} count by the new price from now on.`)
      onEnd()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setIsChecked(true)
    const { input_usd, output_usd } = prices
    if (input_usd !== null && output_usd !== null) save.mutate({ input_usd, output_usd })
  }
  const faultOf = (price: number | null) =>
    isChecked && price === null ? 'A number from 0 to 10,000, at most six digits after the point.' : undefined
  return (
    <form onSubmit={submit} noValidate style={{ flex: '1 1 300px', maxWidth: 420 }}>
      <Group align="flex-start" gap="sm" grow>
        <TextInput
          label="Read"
          leftSection="$"
          inputMode="decimal"
          value={input}
          maxLength={14}
          onChange={(event) => setInput(event.currentTarget.value)}
          error={faultOf(prices.input_usd)}
          autoFocus
        />
        <TextInput
          label="Written"
          leftSection="$"
          inputMode="decimal"
          value={output}
          maxLength={14}
          onChange={(event) => setOutput(event.currentTarget.value)}
          error={faultOf(prices.output_usd)}
        />
      </Group>
      <Text size="xs" c="dimmed" mt={6}>
        US dollars per million tokens. Counts for runs that begin from now on; earlier ones keep their cost. List price:{' '}
        {priceWords(model.list_price)}.
      </Text>
      {save.isError && <Failure error={save.error} />}
      <Group gap="xs" mt="xs">
        <Button size="xs" type="submit" loading={save.isPending}>
          Save
        </Button>
        <Button size="xs" variant="default" onClick={onEnd} disabled={save.isPending}>
          Cancel
        </Button>
      </Group>
    </form>
  )
}
