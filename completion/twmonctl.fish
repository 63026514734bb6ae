# SPDX-License-Identifier: LGPL-2.1-or-later
#
# fish completion of twmonctl(1). twmonctl itself knows what may stand next.

function __twmonctl_complete
        set -l words (commandline -opc)
        set -l word (commandline -ct)
        set -l program $words[1]
        set -e words[1]
        for line in ($program complete -- $words "$word" 2>/dev/null)
                if test "$line" = :files
                        set -l option (string match -r -- '^--[a-z-]+=' "$word")
                        for path in (__fish_complete_path (string replace -r -- '^--[a-z-]+=' '' "$word"))
                                printf '%s%s\n' "$option" $path
                        end
                else
                        printf '%s\n' $line
                end
        end
end

complete -c twmonctl -f -a '(__twmonctl_complete)'
