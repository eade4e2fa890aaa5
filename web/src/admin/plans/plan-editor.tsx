import { Box, Button, Grid, Group, SegmentedControl, Stack, Text } from '@mantine/core'
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import { ApiError, type Fault } from '../../../../api-client/src/api-error.ts'
import { PlanCard } from '../../plans/plan-card.tsx'
import type { BillingInterval } from '../../plans/plan-price.ts'
import { Failure } from '../action-dialog.tsx'
import { findFaults, type PlanDraft, toPreview } from './plan-draft.ts'
import { PlanFields } from './plan-fields.tsx'

interface PlanEditorProps {
  draft: PlanDraft
  onChange: (part: Partial<PlanDraft>) => void
  submitLabel: string
  /** Only with a draft without faults; what it throws is shown. */
  onSubmit: () => Promise<unknown>
  /** What has to be known before the fields are read. */
  above?: ReactNode
  /** Beside the button that saves. */
  actions?: ReactNode
}

/** The fields of a plan beside the card that users will see. */
export function PlanEditor({ draft, onChange, submitLabel, onSubmit, above, actions }: PlanEditorProps) {
  const [found, setFound] = useState<readonly Fault[]>([])
  const [error, setError] = useState<unknown>(null)
  const [isBusy, setIsBusy] = useState(false)
  const [focusRequest, setFocusRequest] = useState(0)
  const [interval, setInterval] = useState<BillingInterval>('month')
  const form = useRef<HTMLFormElement>(null)

  useEffect(() => {
    if (focusRequest === 0) return
    const first = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')
    first?.scrollIntoView({ block: 'center' })
    first?.focus({ preventScroll: true })
  }, [focusRequest])

  const show = (faults: readonly Fault[]) => {
    setFound(faults)
    setFocusRequest((count) => count + 1)
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (isBusy) return
    setError(null)
    const faults = findFaults(draft)
    show(faults)
    if (faults.length > 0) return
    setIsBusy(true)
    try {
      await onSubmit()
    } catch (thrown) {
      setError(thrown)
      if (thrown instanceof ApiError) show(thrown.errors)
    } finally {
      setIsBusy(false)
    }
  }
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Grid gap="lg" align="flex-start">
        <Grid.Col span={{ base: 12, lg: 8 }}>
          <Stack gap="lg">
            {above}
            <PlanFields
              draft={draft}
              change={onChange}
              faultAt={(path) => found.find((fault) => fault.path === path)?.message}
            />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 4 }}>
          <Box className="ax-preview">
            <Group justify="space-between" mb="xs">
              <Text fw={600}>What users see</Text>
              {draft.yearly_price.trim() !== '' && (
                <SegmentedControl
                  size="xs"
                  aria-label="Paid by"
                  value={interval}
                  onChange={(value) => setInterval(value === 'year' ? 'year' : 'month')}
                  data={[
                    { value: 'month', label: 'Month' },
                    { value: 'year', label: 'Year' },
                  ]}
                />
              )}
            </Group>
            <PlanCard plan={toPreview(draft)} interval={interval} />
          </Box>
        </Grid.Col>
      </Grid>
      <Stack mt="lg" gap="md">
        {error !== null && <Failure error={error} />}
        <Box className="ax-action-bar">
          <Group justify="space-between" gap="sm">
            <Text size="sm" c="var(--mantine-color-error)" role="status">
              {found.length > 0 && `${found.length === 1 ? '1 thing needs' : `${found.length} things need`} a look.`}
            </Text>
            <Group gap="sm">
              {actions}
              <Button type="submit" size="md" loading={isBusy}>
                {submitLabel}
              </Button>
            </Group>
          </Group>
        </Box>
      </Stack>
    </form>
  )
}
