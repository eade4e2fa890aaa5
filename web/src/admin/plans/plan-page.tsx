import { Alert, Button, Group, List, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconGitMerge } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiError } from '../../../../api-client/src/api-error.ts'
import { countOf } from '../../agent-logs/format-run.ts'
import { api } from '../../api.ts'
import { BackLink } from '../../ui/back-link.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { ErrorState } from '../../ui/error-state.tsx'
import { TextLink } from '../../ui/links.tsx'
import { LoadingState } from '../../ui/loading-state.tsx'
import { Page } from '../../ui/page.tsx'
import { toastDone } from '../../ui/toast.ts'
import { useDraft } from '../../ui/use-draft.ts'
import { ActionDialog } from '../action-dialog.tsx'
import { AdminOnly } from '../admin-only.tsx'
import { type ForeignChange, mergePlan } from './merge-plan.ts'
import { changedParts, toDraft } from './plan-draft.ts'
import { PlanEditor } from './plan-editor.tsx'
import { PlanOffers } from './plan-offers.tsx'
import { type AdminPlanDetail, adminPlanQuery, type PlanImpact } from './plan-queries.ts'
import { PlanBadges } from './plans-page.tsx'

export function AdminPlanPage() {
  return (
    <AdminOnly title="Plan">
      <Plan />
    </AdminOnly>
  )
}

function Plan() {
  const { planId } = useParams({ from: '/signed-in/admin/plans/$planId' })
  const { data, error, isFetching, refetch } = useQuery(adminPlanQuery(planId))
  return (
    <Page
      title={data?.name ?? 'Plan'}
      width={1240}
      above={<BackLink to="/admin/plans" label="All plans" />}
      subtitle={data && <Standing plan={data} />}
      actions={data && data.archived_at === null && <Archive plan={data} />}
    >
      {error && !data && <ErrorState error={error} onRetry={() => void refetch()} isRetrying={isFetching} />}
      {!error && !data && <LoadingState shape="form" label="Loading the plan" />}
      {data && <EditPlan key={data.id} plan={data} />}
      {data && (!data.is_public || data.offers.length > 0) && <PlanOffers plan={data} />}
    </Page>
  )
}

function Standing({ plan }: { plan: AdminPlanDetail }) {
  return (
    <Group gap="xs">
      <PlanBadges plan={plan} />
      <TextLink to="/admin/subscriptions" search={{ plan_id: plan.id }} size="sm">
        {countOf(plan.subscribers, 'subscriber')}
      </TextLink>
    </Group>
  )
}

function EditPlan({ plan }: { plan: AdminPlanDetail }) {
  const saved = useDraft(`plan-${plan.id}`, { base: toDraft(plan), draft: toDraft(plan), updated_at: plan.updated_at })
  const { base, draft, updated_at } = saved.value
  const [foreign, setForeign] = useState<ForeignChange[] | null>(null)
  const [impact, setImpact] = useState<PlanImpact | null>(null)
  const queryClient = useQueryClient()
  const navigate = useNavigate()
  const send = (dryRun: boolean) =>
    api('PATCH /api/v1/admin/plans/:id', {
      params: { id: plan.id },
      query: dryRun ? { dry_run: 'true' } : {},
      body: { ...changedParts(base, draft), updated_at },
    })

  /** Somebody else was faster: theirs and ours are brought together, and what they did is told. */
  const mergeIfStale = async (thrown: unknown) => {
    if (!(thrown instanceof ApiError) || thrown.status !== 409) throw thrown
    const now = await api('GET /api/v1/admin/plans/:id', { params: { id: plan.id } })
    if (now.updated_at === updated_at) throw thrown
    const theirs = toDraft(now)
    const { merged, changes } = mergePlan(base, draft, theirs)
    saved.update(() => ({ base: theirs, draft: merged, updated_at: now.updated_at }))
    setForeign(changes)
    queryClient.setQueryData(adminPlanQuery(plan.id).queryKey, now)
    window.scrollTo({ top: 0 })
  }
  const ask = async () => {
    if (Object.keys(changedParts(base, draft)).length === 0) return toastDone('Nothing has changed.')
    try {
      setImpact((await send(true)).impact)
    } catch (thrown) {
      await mergeIfStale(thrown)
    }
  }
  const save = async () => {
    try {
      const answer = await send(false)
      saved.clear()
      toastDone(`${answer.plan.name} is saved.`)
    } catch (thrown) {
      return await mergeIfStale(thrown)
    }
    void queryClient.invalidateQueries({ queryKey: ['plans'] })
    await queryClient.invalidateQueries({ queryKey: ['admin-plans'] })
    await navigate({ to: '/admin/plans' })
  }
  return (
    <>
      <PlanEditor
        draft={draft}
        onChange={(part) => saved.update((before) => ({ ...before, draft: { ...before.draft, ...part } }))}
        submitLabel="Save…"
        onSubmit={ask}
        above={foreign && <ForeignChanges changes={foreign} />}
        actions={
          saved.isRestored && (
            <Button variant="default" size="md" onClick={saved.discard}>
              Start afresh
            </Button>
          )
        }
      />
      <ActionDialog
        isOpen={impact !== null}
        onClose={() => setImpact(null)}
        title={`Save ${draft.name.trim()}?`}
        submitLabel="Save the plan"
        onSubmit={save}
      >
        <Text>{impact?.sentence}</Text>
      </ActionDialog>
    </>
  )
}

function ForeignChanges({ changes }: { changes: ForeignChange[] }) {
  return (
    <Alert
      color="honey"
      icon={<IconGitMerge aria-hidden />}
      title="Somebody else changed this plan while you did"
      role="alert"
    >
      <Text size="sm">
        {changes.length === 0
          ? 'They typed the same as you.'
          : 'Everything you typed is still here. Look at what they changed, then save again.'}
      </Text>
      <List size="sm" mt={4}>
        {changes.map(({ label, from, to, mine }) => (
          <List.Item key={label} style={{ overflowWrap: 'anywhere' }}>
            {label}: {from} → {to}
            {mine !== null && <b>; yours, {mine}, is kept</b>}
          </List.Item>
        ))}
      </List>
    </Alert>
  )
}

function Archive({ plan }: { plan: AdminPlanDetail }) {
  const [isAsking, question] = useDisclosure(false)
  const queryClient = useQueryClient()
  const archive = async () => {
    await api('POST /api/v1/admin/plans/:id/archive', { params: { id: plan.id } })
    toastDone(`${plan.name} is archived.`)
    void queryClient.invalidateQueries({ queryKey: ['plans'] })
    await queryClient.invalidateQueries({ queryKey: ['admin-plans'] })
  }
  return (
    <>
      <Button variant="default" onClick={question.open} disabled={plan.is_default}>
        Archive
      </Button>
      <Confirm
        isOpen={isAsking}
        onClose={question.close}
        title={`Archive ${plan.name}?`}
        confirmLabel="Archive"
        onConfirm={archive}
      >
        Nobody can choose it any more.{' '}
        {plan.subscribers > 0
          ? `The ${countOf(plan.subscribers, 'subscriber')} who ${plan.subscribers === 1 ? 'has' : 'have'} it keep it at their price.`
          : 'Nobody has it now.'}{' '}
        This cannot be taken back.
      </Confirm>
    </>
  )
}
