import { Button, Group, NumberInput, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useLocation } from '@tanstack/react-router'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import type { User } from '../../../api-client/src/api-types.ts'
import { Section } from '../account/section.tsx'
import { formatCost } from '../agent-logs/format-run.ts'
import { api } from '../api.ts'
import { fieldFaults } from '../auth/field-faults.ts'
import { useUser } from '../auth/session.ts'
import { userQueryKey } from '../auth/session-state.ts'
import { limitsQuery } from '../limits/limit-queries.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { toastDone } from '../ui/toast.ts'
import { capEffect } from './cap-effect.ts'

/** The most that models may cost in a month, set by whoever pays for it. */
export function CostCap() {
  const user = useUser()
  const isAskedFor = useLocation({ select: ({ hash }) => hash === 'cost-cap' })
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!isAskedFor || !user) return
    place.current?.scrollIntoView({ block: 'center' })
    place.current?.querySelector('input')?.focus({ preventScroll: true })
  }, [isAskedFor, user])
  return (
    <div id="cost-cap" ref={place}>
      <Section title="Your own cap" description="The most that models may cost in a month, whatever your plan allows.">
        {user && <CapForm key={user.cost_cap_usd ?? 'none'} user={user} />}
      </Section>
    </div>
  )
}

function CapForm({ user }: { user: User }) {
  const queryClient = useQueryClient()
  const limits = useQuery(limitsQuery).data
  const [value, setValue] = useState<string | number>(user.cost_cap_usd === null ? '' : Number(user.cost_cap_usd))
  const save = useMutation({
    mutationFn: (cost_cap_usd: string | null) => api('PATCH /api/v1/me', { body: { cost_cap_usd } }),
    onSuccess: (changed) => {
      void queryClient.invalidateQueries({ queryKey: limitsQuery.queryKey })
      queryClient.setQueryData(userQueryKey, changed)
      toastDone(
        changed.cost_cap_usd === null
          ? 'There is no cap any more.'
          : `At ${formatCost(changed.cost_cap_usd)} a month nothing more begins.`,
      )
    },
  })
  const fault = fieldFaults(save.error).cost_cap_usd
  const cap = value === '' ? null : Number(value)
  const isChanged = cap !== (user.cost_cap_usd === null ? null : Number(user.cost_cap_usd))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isChanged) save.mutate(cap === null ? null : cap.toFixed(2))
  }
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {save.error && !fault && <ErrorState error={save.error} />}
        <NumberInput
          label="At most, in US dollars a month"
          placeholder="No cap"
          prefix="$"
          thousandSeparator=","
          decimalScale={2}
          min={0}
          max={999_999_999}
          allowNegative={false}
          hideControls
          inputMode="decimal"
          maw={260}
          value={value}
          onChange={setValue}
          error={fault}
        />
        {limits && (
          <Text size="sm" c="dimmed" role="status">
            {capEffect(cap, limits.usage.cost_usd, limits.resets_at)}
          </Text>
        )}
        <Group gap="xs">
          <Button type="submit" loading={save.isPending} disabled={!isChanged}>
            Save the cap
          </Button>
          {user.cost_cap_usd !== null && (
            <Button variant="default" onClick={() => save.mutate(null)} disabled={save.isPending}>
              Take it away
            </Button>
          )}
        </Group>
      </Stack>
    </form>
  )
}
