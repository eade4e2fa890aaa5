import { Button, Group, Popover, Stack, Text, VisuallyHidden } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconQuote } from '@tabler/icons-react'

interface Citation {
  number: number
  title: string
  excerpt: string
}

/** What an answer rests on: one chip a source that its text names, numbered as there, with the passage behind it. */
export function CitationChips({ citations: found, text }: { citations: Citation[]; text: string }) {
  // A search finds more than an answer uses; all it found is in the call of the tool.
  const citations = found.filter(({ number }) => text.includes(`[${number}]`))
  if (citations.length === 0) return null
  return (
    <Group gap={6} role="group" aria-label="Sources of this answer">
      {citations.map((citation) => (
        <CitationChip key={`${citation.number}-${citation.title}`} citation={citation} />
      ))}
    </Group>
  )
}

function CitationChip({ citation }: { citation: Citation }) {
  const [isOpen, { toggle, close }] = useDisclosure(false)
  return (
    <Popover opened={isOpen} onChange={close} onDismiss={close} width={360} shadow="md" position="bottom-start">
      <Popover.Target>
        <Button size="compact-xs" variant="default" radius="xl" fw={500} onClick={toggle} maw="100%">
          <VisuallyHidden>Source </VisuallyHidden>
          <Text span inherit truncate maw={240}>
            {`${citation.number} ${citation.title}`}
          </Text>
        </Button>
      </Popover.Target>
      <Popover.Dropdown maw="calc(100vw - 2rem)">
        <Stack gap="xs">
          <Text size="sm" fw={600}>
            {citation.title}
          </Text>
          <Group gap="xs" align="flex-start" wrap="nowrap">
            <IconQuote size={16} aria-hidden style={{ flexShrink: 0, marginTop: 3 }} />
            <Text size="sm" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
              {citation.excerpt || 'The passage was not kept.'}
            </Text>
          </Group>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}
