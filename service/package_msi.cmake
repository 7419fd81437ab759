# SPDX-License-Identifier: MIT
# CPack's generator "External": one MSI out of the staged files, with wixl (Linux) or WiX 3 (Windows). The CPACK_...
# variables come from CPackConfig.cmake; below CPACK_TEMPORARY_DIRECTORY is the folder of each component.
set(staged "${CPACK_TEMPORARY_DIRECTORY}/program")
set(msi "${CPACK_PACKAGE_DIRECTORY}/${CPACK_PACKAGE_FILE_NAME}.msi")
set(namespace 69906b60-8a14-4243-818e-af02985448e9) # of the components' GUIDs: the same path, the same component

# One component for each file, its folders around it. install.cmd and uninstall.cmd do what the MSI itself does.
file(GLOB_RECURSE files RELATIVE "${staged}" LIST_DIRECTORIES false "${staged}/*")
list(SORT files)
list(REMOVE_ITEM files install.cmd uninstall.cmd)
set(folders)
set(depth_folder "")
function(package_msi_identify out path)
  string(REGEX REPLACE "[^A-Za-z0-9_.]" "_" id "${path}")
  set(${out} "${id}" PARENT_SCOPE)
endfunction()

# Writes the folder's own files, and then its folders with theirs.
function(package_msi_folder folder)
  foreach(file IN LISTS files)
    get_filename_component(of "${file}" DIRECTORY)
    if(of STREQUAL folder)
      package_msi_identify(id "${file}")
      get_filename_component(name "${file}" NAME)
      string(UUID guid NAMESPACE ${namespace} NAME "${file}" TYPE SHA1)
      set(control "")
      if(file STREQUAL "portlistener.exe") # stops before its files go; the program itself removes it
        set(control "<ServiceControl Id=\"Stop\" Name=\"PortListener\" Stop=\"both\" Wait=\"yes\"/>")
      endif()
      string(APPEND xml "<Component Id=\"${id}\" Guid=\"${guid}\" Win64=\"yes\">"
        "<File Id=\"${id}\" Name=\"${name}\" Source=\"${file}\" KeyPath=\"yes\"/>${control}</Component>\n")
      string(APPEND components "<ComponentRef Id=\"${id}\"/>\n")
    endif()
  endforeach()
  file(GLOB entries RELATIVE "${staged}" LIST_DIRECTORIES true "${staged}/${folder}/*")
  list(SORT entries)
  foreach(entry IN LISTS entries)
    if(IS_DIRECTORY "${staged}/${entry}")
      get_filename_component(name "${entry}" NAME)
      package_msi_identify(id "folder_${entry}")
      string(APPEND xml "<Directory Id=\"${id}\" Name=\"${name}\">\n")
      package_msi_folder("${entry}")
      string(APPEND xml "</Directory>\n")
    endif()
  endforeach()
  set(xml "${xml}" PARENT_SCOPE)
  set(components "${components}" PARENT_SCOPE)
endfunction()
package_msi_folder("")
set(PORTLISTENER_WXS_FILES "${xml}")
set(PORTLISTENER_WXS_COMPONENTS "${components}")
configure_file("${CPACK_PORTLISTENER_WXS}" "${CPACK_TEMPORARY_DIRECTORY}/portlistener.wxs" @ONLY)

find_program(PORTLISTENER_WIXL wixl)
find_program(PORTLISTENER_CANDLE candle)
find_program(PORTLISTENER_LIGHT light)
if(PORTLISTENER_CANDLE AND PORTLISTENER_LIGHT)
  execute_process(
    COMMAND "${PORTLISTENER_CANDLE}" -nologo -arch x64 -out ../portlistener.wixobj ../portlistener.wxs
    WORKING_DIRECTORY "${staged}" COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND "${PORTLISTENER_LIGHT}" -nologo -out "${msi}" ../portlistener.wixobj
    WORKING_DIRECTORY "${staged}" COMMAND_ERROR_IS_FATAL ANY)
elseif(PORTLISTENER_WIXL) # takes no full path as Source: it runs among the files
  execute_process(COMMAND "${PORTLISTENER_WIXL}" --arch x64 -o "${msi}" ../portlistener.wxs
    WORKING_DIRECTORY "${staged}" COMMAND_ERROR_IS_FATAL ANY)
else()
  message(FATAL_ERROR "an MSI needs wixl (Debian's package wixl) or WiX 3 (candle and light)")
endif()
set(CPACK_EXTERNAL_BUILT_PACKAGES "${msi}")
