import { ActionIcon, Button, Group, Popover, Stack, Textarea, Tooltip } from '@mantine/core'
import { IconThumbDown, IconThumbDownFilled, IconThumbUp, IconThumbUpFilled } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { AgentLog } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { toastDone, toastError } from '../ui/toast.ts'

interface RunRatingProps {
  runId: string
  rating: -1 | 1 | null
  comment: string | null
  onRated?: (log: AgentLog) => void
}

/** Thumbs up or down; a thumb is kept at once and then offers a comment. Pressing it again takes it back. */
export function RunRating({ runId, rating: firstRating, comment: firstComment, onRated }: RunRatingProps) {
  const [rating, setRating] = useState(firstRating)
  const [comment, setComment] = useState(firstComment ?? '')
  const [isOpen, setIsOpen] = useState(false)
  const rate = useMutation({
    mutationFn: (body: { rating: -1 | 1 | null; comment: string | null }) =>
      api('PUT /api/v1/agent-logs/:id/rating', { params: { id: runId }, body }),
    onSuccess: onRated,
    onError: (error) => {
      setRating(firstRating)
      toastError(error)
    },
  })

  const press = (pressed: -1 | 1) => {
    const next = rating === pressed ? null : pressed
    setRating(next)
    setIsOpen(next !== null)
    rate.mutate({ rating: next, comment: next === null ? null : comment.trim() || null })
  }
  const saveComment = () => {
    rate.mutate(
      { rating, comment: comment.trim() || null },
      {
        onSuccess: () => {
          setIsOpen(false)
          toastDone('Thank you, your comment is kept with the run.')
        },
      },
    )
  }

  return (
    <Popover opened={isOpen} onChange={setIsOpen} width={300} shadow="md" withArrow trapFocus position="top-start">
      <Popover.Target>
        <Group gap={2} role="group" aria-label="Rate this answer">
          <Thumb isUp isPressed={rating === 1} onPress={() => press(1)} />
          <Thumb isUp={false} isPressed={rating === -1} onPress={() => press(-1)} />
        </Group>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <Textarea
            label="Comment (optional)"
            placeholder={rating === 1 ? 'What was good?' : 'What was wrong, what would be right?'}
            autosize
            minRows={2}
            maxRows={6}
            maxLength={2000}
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
            data-autofocus
          />
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={() => setIsOpen(false)}>
              Close
            </Button>
            <Button size="xs" onClick={saveComment} loading={rate.isPending} disabled={comment.trim() === ''}>
              Save comment
            </Button>
          </Group>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}

function Thumb({ isUp, isPressed, onPress }: { isUp: boolean; isPressed: boolean; onPress: () => void }) {
  const label = isUp ? 'Good answer' : 'Bad answer'
  const Shape = isUp ? (isPressed ? IconThumbUpFilled : IconThumbUp) : isPressed ? IconThumbDownFilled : IconThumbDown
  return (
    <Tooltip label={label}>
      <ActionIcon
        size="md"
        color={isPressed ? undefined : 'gray'}
        aria-label={label}
        aria-pressed={isPressed}
        onClick={onPress}
      >
        <Shape size={17} aria-hidden />
      </ActionIcon>
    </Tooltip>
  )
}
