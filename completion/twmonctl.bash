# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# bash completion of twmonctl(1), loaded by the package bash-completion; without it there is none.
# twmonctl itself knows what may stand next. Readline breaks words at ":" and "=": what stands before
# them in the same word is there already, and is cut off.

_twmonctl()
{
        # shellcheck disable=SC2034 # _init_completion sets them all
        local cur prev words cword value

        _init_completion -n := 2>/dev/null || return
        COMPREPLY=()
        while IFS=$'\t' read -r value _; do
                if [[ $value == :files ]]; then
                        [[ $cur != --*=* ]] || cur=${cur#*=}
                        _filedir
                        return
                fi
                COMPREPLY+=("$value")
        done < <("${words[0]}" complete -- "${words[@]:1:cword}" 2>/dev/null)
        if [[ $cur == --*=* && $COMP_WORDBREAKS == *=* ]]; then COMPREPLY=("${COMPREPLY[@]#*=}"); fi
        __ltrim_colon_completions "$cur"
} && complete -F _twmonctl twmonctl
