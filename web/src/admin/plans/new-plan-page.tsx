import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { api } from '../../api.ts'
import { BackLink } from '../../ui/back-link.tsx'
import { Page } from '../../ui/page.tsx'
import { toastDone } from '../../ui/toast.ts'
import { useDraft } from '../../ui/use-draft.ts'
import { AdminOnly } from '../admin-only.tsx'
import { freshDraft, toBody } from './plan-draft.ts'
import { PlanEditor } from './plan-editor.tsx'

const title = 'New plan'

export function NewPlanPage() {
  return (
    <AdminOnly title={title}>
      <NewPlan />
    </AdminOnly>
  )
}

function NewPlan() {
  const { value: draft, update, clear } = useDraft('plan-new', freshDraft)
  const navigate = useNavigate()
  const queryClient = useQueryClient()
  const create = async () => {
    const plan = await api('POST /api/v1/admin/plans', { body: toBody(draft) })
    clear()
    toastDone(plan.is_public ? `${plan.name} can be chosen now.` : `${plan.name} is made; offer it to somebody.`)
    await queryClient.invalidateQueries({ queryKey: ['admin-plans'] })
    void queryClient.invalidateQueries({ queryKey: ['plans'] })
    await navigate(
      plan.is_public ? { to: '/admin/plans' } : { to: '/admin/plans/$planId', params: { planId: plan.id } },
    )
  }
  return (
    <Page title={title} width={1240} above={<BackLink to="/admin/plans" label="All plans" />}>
      <PlanEditor
        draft={draft}
        onChange={(part) => update((before) => ({ ...before, ...part }))}
        submitLabel="Make the plan"
        onSubmit={create}
      />
    </Page>
  )
}
