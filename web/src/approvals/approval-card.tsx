import { Alert, Badge, Button, Group, Paper, Stack, Text, Textarea, Title } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconHandStop, IconPencil, IconX } from '@tabler/icons-react'
import { lazy, Suspense, useEffect, useId, useRef, useState } from 'react'
import { ApiError, type Fault } from '../../../api-client/src/api-error.ts'
import type { Approval } from '../../../api-client/src/api-types.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Time } from '../ui/time.tsx'
import classes from './approvals.module.css'
import { beginEditing, type EditedInput, inputToSend } from './edited-input.ts'
import { InputView } from './input-view.tsx'

// Forms are a large part of the app, which reading and approving does not need.
const InputEditor = lazy(async () => ({ default: (await import('./input-editor.tsx')).InputEditor }))

export interface Decision {
  decision: 'approve' | 'refuse'
  /** Instead of what was asked for. */
  input?: unknown
  comment?: string
}

interface ApprovalCardProps {
  approval: Approval
  /** Above its title, e.g. which agent asks. */
  above?: React.ReactNode
  /** Throws when nothing was decided; the card stays open then, with what was typed. */
  onDecide: (decision: Decision) => Promise<unknown>
  /** Level of its heading in the page. */
  order?: 2 | 3
}

/** A call that its owner is asked for: what will be done, with what, and the ways to answer. */
export function ApprovalCard({ approval, above, onDecide, order = 2 }: ApprovalCardProps) {
  const isOpen = approval.status === 'pending'
  const titleId = useId()
  return (
    <Paper
      withBorder
      radius="md"
      p="md"
      component="section"
      aria-labelledby={titleId}
      className={classes.card}
      data-decided={isOpen ? undefined : true}
    >
      <Stack gap="sm">
        {above}
        <Group justify="space-between" align="flex-start" gap="xs">
          <div style={{ minWidth: 0, flex: '1 1 260px' }}>
            <Group gap={6} wrap="nowrap" c="dimmed">
              <IconHandStop size={16} aria-hidden />
              <Text size="sm">{approval.title}</Text>
            </Group>
            <Title order={order} size="h4" id={titleId} mt={2} style={{ overflowWrap: 'anywhere' }}>
              {approval.description}
            </Title>
          </div>
          <ApprovalStatus status={approval.status} />
        </Group>
        {isOpen && approval.reason === 'after_untrusted' && (
          <Alert color="honey" variant="light" icon={<IconAlertTriangle aria-hidden />} title="Look twice">
            <Text size="sm">
              The agent has read something from outside before it asked for this. Somebody else may have put the idea
              into it.
            </Text>
          </Alert>
        )}
        {isOpen ? <Deciding approval={approval} onDecide={onDecide} /> : <Decided approval={approval} />}
      </Stack>
    </Paper>
  )
}

const statusLooks = {
  pending: { label: 'Waits for you', color: 'honey' },
  approved: { label: 'Approved', color: 'spruce' },
  refused: { label: 'Refused', color: 'gray' },
  expired: { label: 'Expired', color: 'gray' },
  canceled: { label: 'Cancelled', color: 'gray' },
} as const

function ApprovalStatus({ status }: { status: Approval['status'] }) {
  const { label, color } = statusLooks[status]
  return <Badge color={color}>{label}</Badge>
}

/** What was decided, with what it was changed to. */
function Decided({ approval }: { approval: Approval }) {
  const { input, input_schema, edited_input, comment, decided_at } = approval
  const isEdited = edited_input !== null && edited_input !== undefined
  return (
    <Stack gap="sm">
      {isEdited && (
        <Text size="sm" fw={600}>
          You changed it to this:
        </Text>
      )}
      <InputView input={isEdited ? edited_input : input} schema={input_schema} />
      {comment && (
        <Text size="sm" className="ax-pre-line">
          You said: {comment}
        </Text>
      )}
      {decided_at && (
        <Text size="xs" c="dimmed">
          Decided <Time value={decided_at} />
        </Text>
      )}
    </Stack>
  )
}

function Deciding({ approval, onDecide }: Pick<ApprovalCardProps, 'approval' | 'onDecide'>) {
  const [mode, setMode] = useState<'read' | 'edit' | 'refuse'>('read')
  const [edited, setEdited] = useState<EditedInput>(() => beginEditing(approval.input_schema, approval.input))
  const [comment, setComment] = useState('')
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState<Decision['decision'] | null>(null)
  const panel = useRef<HTMLDivElement>(null)
  const faults: readonly Fault[] = error instanceof ApiError ? error.errors : []

  // The keyboard goes on in what was opened.
  useEffect(() => {
    if (mode !== 'read') panel.current?.querySelector<HTMLElement>('input, textarea')?.focus()
  }, [mode])

  const decide = async (decision: Decision) => {
    setBusy(decision.decision)
    setError(null)
    try {
      await onDecide({ ...decision, ...(comment.trim() !== '' && { comment: comment.trim() }) })
    } catch (thrown) {
      setError(thrown)
    } finally {
      setBusy(null)
    }
  }
  const approveEdited = () =>
    edited.jsonFault === undefined && decide({ decision: 'approve', input: inputToSend(edited.value, approval.input) })
  const fields = (
    <Textarea
      label={mode === 'refuse' ? 'Why not?' : 'Comment'}
      description={
        mode === 'refuse' ? 'May stay empty. The agent reads it and goes on.' : 'May stay empty. The agent reads it.'
      }
      autosize
      minRows={1}
      maxRows={6}
      maxLength={2000}
      value={comment}
      onChange={(event) => setComment(event.currentTarget.value)}
    />
  )
  return (
    <Stack gap="sm">
      {mode !== 'edit' && <InputView input={approval.input} schema={approval.input_schema} />}
      {mode !== 'read' && (
        <Stack gap="md" ref={panel}>
          {mode === 'edit' && (
            <Suspense fallback={<LoadingState shape="form" label="Loading the form" />}>
              <InputEditor
                original={approval.input}
                schema={approval.input_schema}
                edited={edited}
                onChange={setEdited}
                faults={faults}
                idPrefix={`approval_${approval.id}`}
              />
            </Suspense>
          )}
          {fields}
        </Stack>
      )}
      {error !== null && <ErrorState error={error} />}
      <Group gap="xs">
        {mode === 'read' && (
          <>
            <Button
              size="sm"
              leftSection={<IconCheck size={17} aria-hidden />}
              onClick={() => void decide({ decision: 'approve' })}
              loading={busy === 'approve'}
              disabled={busy !== null}
            >
              Approve
            </Button>
            <Button
              size="sm"
              variant="default"
              leftSection={<IconPencil size={16} aria-hidden />}
              onClick={() => setMode('edit')}
              disabled={busy !== null}
            >
              Edit
            </Button>
            <Button
              size="sm"
              variant="subtle"
              color="red"
              leftSection={<IconX size={17} aria-hidden />}
              onClick={() => setMode('refuse')}
              disabled={busy !== null}
            >
              Refuse
            </Button>
          </>
        )}
        {mode === 'edit' && (
          <Button
            size="sm"
            leftSection={<IconCheck size={17} aria-hidden />}
            onClick={() => void approveEdited()}
            loading={busy === 'approve'}
            disabled={edited.jsonFault !== undefined}
          >
            Approve as edited
          </Button>
        )}
        {mode === 'refuse' && (
          <Button
            size="sm"
            color="red.9"
            leftSection={<IconX size={17} aria-hidden />}
            onClick={() => void decide({ decision: 'refuse' })}
            loading={busy === 'refuse'}
          >
            Refuse it
          </Button>
        )}
        {mode !== 'read' && (
          <Button size="sm" variant="default" onClick={() => setMode('read')} disabled={busy !== null}>
            Back
          </Button>
        )}
        <Text size="xs" c="dimmed" ml="auto">
          Asked <Time value={approval.created_at} />, open until <Expiry value={approval.expires_at} />
        </Text>
      </Group>
    </Stack>
  )
}

function Expiry({ value }: { value: string }) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
  return <time dateTime={value}>{format.format(new Date(value))}</time>
}
