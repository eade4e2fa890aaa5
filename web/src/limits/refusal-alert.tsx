import { Alert, Button, Group, Text } from '@mantine/core'
import { IconGauge, IconRefresh } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { priceWords } from '../plans/plan-price.ts'
import { plansQuery } from '../plans/plan-queries.ts'
import { ButtonLink } from '../ui/links.tsx'
import type { PlanRefusal, WayOut } from './plan-refusal.ts'

interface RefusalAlertProps {
  refusal: PlanRefusal
  /** What one can do besides, such as trying again. */
  onRetry?: () => void
  mb?: string
}

/** What the plan does not allow, where it happened, with the one button that leads on. */
export function RefusalAlert({ refusal, onRetry, mb }: RefusalAlertProps) {
  const place = useRef<HTMLDivElement>(null)
  // It stands where the form ends; the button that was pressed may be far above.
  useEffect(() => {
    place.current?.scrollIntoView({ block: 'nearest' })
  }, [])
  return (
    <Alert
      ref={place}
      color="honey"
      variant="light"
      radius="lg"
      role="alert"
      mb={mb}
      style={{ scrollMarginBlock: 96 }}
      icon={<IconGauge aria-hidden />}
      title={refusal.title}
    >
      {refusal.detail && <Text size="sm">{refusal.detail}</Text>}
      <Group gap="xs" mt="sm">
        <WayOutButton wayOut={refusal.wayOut} />
        {onRetry && refusal.canTryAgain && (
          <Button size="xs" variant="default" leftSection={<IconRefresh size={15} aria-hidden />} onClick={onRetry}>
            Try again
          </Button>
        )}
      </Group>
    </Alert>
  )
}

export function WayOutButton({ wayOut }: { wayOut: WayOut }) {
  if (wayOut.kind === 'cost-cap') {
    return (
      <ButtonLink to="/usage" hash="cost-cap" size="xs">
        {wayOut.label}
      </ButtonLink>
    )
  }
  if (wayOut.kind === 'plans') {
    return (
      <ButtonLink to="/plans" size="xs">
        {wayOut.label}
      </ButtonLink>
    )
  }
  return <PlanButton {...wayOut} />
}

/** With its price, as soon as that is known: nobody should have to press to learn what it costs. */
function PlanButton({ planId, label }: { planId: string; label: string }) {
  const plan = useQuery(plansQuery).data?.find(({ id }) => id === planId)
  return (
    <>
      <ButtonLink to="/subscription" search={{ choose: planId }} size="xs">
        {label}
      </ButtonLink>
      {plan && <Text size="sm">{priceWords(plan, 'month')}</Text>}
      <ButtonLink to="/plans" size="xs" variant="subtle">
        All plans
      </ButtonLink>
    </>
  )
}
