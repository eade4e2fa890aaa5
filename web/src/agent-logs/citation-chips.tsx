import { Button, Group, Popover, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconQuote } from '@tabler/icons-react'

interface Citation {
  number: number
  title: string
  excerpt: string
}

/** What an answer rests on: one chip a source, numbered as in the text, with the passage behind it. */
export function CitationChips({ citations }: { citations: Citation[] }) {
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
    <Popover opened={isOpen} onChange={close} onDismiss={close} width={360} shadow="md" withArrow trapFocus={false}>
      <Popover.Target>
        <Button
          size="compact-xs"
          variant="default"
          radius="xl"
          fw={500}
          onClick={toggle}
          maw="100%"
          aria-label={`Source ${citation.number}: ${citation.title}`}
          leftSection={<span aria-hidden>{citation.number}</span>}
        >
          <Text span inherit truncate maw={220}>
            {citation.title}
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
            <Text size="sm" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }} mah={260} className="scrolls">
              {citation.excerpt || 'The passage was not kept.'}
            </Text>
          </Group>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}
